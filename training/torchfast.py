"""Keras' layers on torch on a CPU: the same mathematics, by those of torch's calls that its matrix units run well.

Measured on two cores with AMX, ResNet50 at 64 px in bf16: oneDNN's gradient of a 3×3 convolution over few pixels
reaches a tenth of a matrix product's speed, its gradient of a depthwise convolution a third of what sums of products
do, and Keras puts a BatchNorm together from a dozen operations.
"""

from typing import Any

import keras
import torch
import torch.nn.functional as functional
from keras.src import backend
from keras.src.backend.torch.optimizers.torch_adamw import AdamW
from keras.src.layers.convolutional.base_conv import BaseConv

#: 3×3 convolutions over at most so many pixels become one matrix product over gathered neighbourhoods.
FEW_PIXELS = 64

_keras_conv, _keras_bias = backend.nn.conv, BaseConv.call
_keras_norm = keras.layers.BatchNormalization.call


def install() -> None:
    """Put the faster calls in place for every network of this process; on a GPU torch's own are faster."""
    if torch.cuda.is_available():
        return
    backend.nn.conv, backend.nn.depthwise_conv = convolution, depthwise_convolution
    keras.layers.BatchNormalization.call = batch_norm
    BaseConv.call = without_moot_bias
    AdamW._parallel_update_step = adam_step
    AdamW._apply_weight_decay = decay


def convolution(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Keras' `conv`: [N, H, W, C] with a kernel [h, w, C, out]; the cases that are matrix products as such."""
    x, k = backend.convert_to_tensor(inputs), backend.convert_to_tensor(kernel)
    step = _number(strides)
    plain = x.ndim == 4 and data_format in (None, "channels_last") and k.shape[2] == x.shape[-1]
    if plain and step and tuple(k.shape[:2]) == (1, 1):
        x = x[:, ::step, ::step]
        return _product(x, k)
    if plain and step == 1 and tuple(k.shape[:2]) == (3, 3) and padding == "same" and _number(dilation_rate) == 1:
        height, width = x.shape[1:3]
        if height * width <= FEW_PIXELS:
            x = functional.pad(x, (0, 0, 1, 1, 1, 1))
            return _product(torch.cat([x[:, i : i + height, j : j + width] for i in range(3) for j in range(3)], -1), k)
    return _keras_conv(x, k, strides, padding, data_format, dilation_rate)


def _number(value: Any) -> int:
    """The one number of a stride or dilation; 0 where its sides differ."""
    values = {value} if isinstance(value, int) else set(value)
    return int(values.pop()) if len(values) == 1 else 0


def _product(x: Any, kernel: Any) -> Any:
    out = kernel.shape[-1]
    return torch.matmul(x.reshape(-1, x.shape[-1]), kernel.reshape(-1, out)).reshape(*x.shape[:3], out)


def depthwise_convolution(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Keras' `depthwise_conv`: [N, H, W, C] with a kernel [h, w, C, 1]."""
    x, k = backend.convert_to_tensor(inputs), backend.convert_to_tensor(kernel)
    step, side = _number(strides), k.shape[0]
    usual = x.ndim == 4 and data_format in (None, "channels_last") and k.shape[-1] == 1 and _number(dilation_rate) == 1
    if not (usual and step and (padding == "valid" or step == 1) and side == k.shape[1] and side % 2):
        return _keras_conv(x, k.reshape(*k.shape[:2], 1, -1), strides, padding, data_format, dilation_rate)
    if padding == "same":
        x = functional.pad(x, (0, 0, *[side // 2] * 4))
    return Depthwise.apply(x, k[..., 0], step)


class Depthwise(torch.autograd.Function):
    """A depthwise convolution without padding whose gradients are a convolution and sums of products."""

    @staticmethod
    def forward(ctx: Any, x: Any, kernel: Any, step: int) -> Any:
        """[N, H, W, C] and [h, w, C] to [N, H', W', C]."""
        ctx.save_for_backward(x, kernel)
        ctx.step = step
        return _depthwise(x, kernel, stride=step)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        """The gradients of the input and of the kernel."""
        (x, kernel), step = ctx.saved_tensors, ctx.step
        gradient = gradient.contiguous()
        count, height, width, channels = gradient.shape
        ones = torch.ones(1, count * height * width, dtype=gradient.dtype)
        of_kernel = torch.empty_like(kernel)
        for i in range(kernel.shape[0]):
            for j in range(kernel.shape[1]):
                seen = x[:, i : i + step * (height - 1) + 1 : step, j : j + step * (width - 1) + 1 : step]
                of_kernel[i, j] = torch.mm(ones, (seen * gradient).reshape(-1, channels))[0]
        if step > 1:
            sides = [x.shape[side + 1] - kernel.shape[side] + 1 for side in (0, 1)]
            spread = torch.zeros(count, *sides, channels, dtype=gradient.dtype)
            spread[:, ::step, ::step] = gradient
            gradient = spread
        turned = kernel.flip(0, 1)
        return _depthwise(gradient, turned, padding=(kernel.shape[0] - 1, kernel.shape[1] - 1)), of_kernel, None


def _depthwise(x: Any, kernel: Any, **options: Any) -> Any:
    weights = kernel.permute(2, 0, 1).unsqueeze(1)
    return functional.conv2d(x.permute(0, 3, 1, 2), weights, groups=x.shape[3], **options).permute(0, 2, 3, 1)


def batch_norm(self: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """`BatchNormalization.call` by torch's own, which keeps its sums in single precision whatever the input's."""
    if mask is not None or self.renorm or inputs.ndim != 4 or self.axis not in (-1, 3) or inputs.device.type != "cpu":
        return _keras_norm(self, inputs, training, mask)
    gamma, beta = (part.value if part is not None else None for part in (self.gamma, self.beta))
    means, variances = self.moving_mean.value, self.moving_variance.value
    learns = bool(training and self.trainable)
    x = inputs.permute(0, 3, 1, 2)
    y = functional.batch_norm(x, means, variances, gamma, beta, learns, 1 - self.momentum, self.epsilon)
    return y.permute(0, 2, 3, 1)


def drop_moot_biases(layers: list[Any]) -> None:
    """Do without a bias of zeros in front of a BatchNorm, which would take it away again: it stays zero, and unused."""
    for layer in layers:
        if not isinstance(layer, BaseConv) or not layer.use_bias or layer.activation is not keras.activations.linear:
            continue
        followers = [node.operation for node in layer._outbound_nodes]
        normed = followers and all(isinstance(one, keras.layers.BatchNormalization) for one in followers)
        if normed and not layer.bias.value.any():
            layer.bias_is_moot, layer.bias.trainable = True, False


def without_moot_bias(self: Any, inputs: Any) -> Any:
    """A convolution's `call`, without the bias that `drop_moot_biases` found to be useless."""
    if getattr(self, "bias_is_moot", False):
        return self.convolution_op(inputs, self.kernel)
    return _keras_bias(self, inputs)


def adam_step(self: Any, grads: Any, variables: Any, learning_rate: Any) -> None:
    """AdamW's step in one pass over the memory (arXiv:1711.05101); the decay was applied before, by `decay`."""
    indices = [self._get_variable_index(variable) for variable in variables]
    steps = [torch.tensor(float(self.iterations.value) + 1) for _ in variables]
    torch._fused_adam_(
        [variable.value for variable in variables],
        list(grads),
        [self._momentums[index].value for index in indices],
        [self._velocities[index].value for index in indices],
        [],
        steps,
        lr=float(learning_rate),
        beta1=self.beta_1,
        beta2=self.beta_2,
        weight_decay=0.0,
        eps=self.epsilon,
        amsgrad=False,
        maximize=False,
    )


@torch.no_grad()
def decay(self: Any, variables: Any) -> None:
    """Make the weights smaller by the rate times the decay, all at once."""
    if self.weight_decay:
        decayed = [variable.value for variable in variables if self._use_weight_decay(variable)]
        torch._foreach_mul_(decayed, 1 - float(self.learning_rate) * self.weight_decay)
