"""Start a Keras network from the ImageNet features of a torch network whose layers come in the same order."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from streamapp.errors import TrainingError
from training.torchfile import Tensors, tensors

#: A squeeze-and-excitation gate that the source lacks starts almost open: sigmoid(4) = 0.98.
OPEN_GATE = 4.0


@dataclass(frozen=True)
class Source:
    """How the torch network saw a picture, (RGB / 255 - mean) / std, and the epsilon of its BatchNorm."""

    mean: Any
    std: Any
    epsilon: float


#: Architectures whose torch twins have the same convolutions in the same order: MobileNetV2 of torchvision, and
#: EfficientNet-Lite0, which is EfficientNetB0 without the gates and with another activation.
SOURCES = {
    "MobileNetV2": Source(np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]), 1e-5),
    "EfficientNetB0": Source(np.full(3, 127 / 255), np.full(3, 128 / 255), 1e-3),
}


def initialise(layers: Sequence[Any], architecture: str, path: Path) -> None:
    """Put the convolutions and BatchNorms of a torch checkpoint into `layers`, in order; the classifier stays random.

    Raises:
        TrainingError: the checkpoint cannot be read, or is one of another network.
    """
    if architecture not in SOURCES:
        raise TrainingError(f"--init {path}: torch weights can start {' or '.join(SOURCES)}, not {architecture}")
    source, given = SOURCES[architecture], tensors(path)
    kernels = [tensor for tensor in given.values() if tensor.ndim == 4]
    names = [name.removesuffix("running_mean") for name in given if name.endswith(".running_mean")]
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    convolutions = [layer for layer in layers if _is_convolution(layer)]
    if [_torch_shape(layer) for layer in convolutions] != [kernel.shape for kernel in kernels]:
        raise TrainingError(f"--init {path} does not hold the convolutions of {architecture}")
    for layer, kernel in zip(convolutions, kernels, strict=True):
        layer.set_weights([np.transpose(kernel, _axes(layer))])
    try:
        for layer, name in zip(norms, names, strict=True):
            layer.set_weights(_norm(given, name, source.epsilon, layer.epsilon))
    except (KeyError, ValueError) as error:  # one more than here, one without a weight, or of another size
        raise TrainingError(f"--init {path} does not hold the BatchNorms of {architecture}: {error}") from error
    _open_gates(layers)
    _take_over_input(layers, convolutions[0], norms[0], source)


def _is_convolution(layer: Any) -> bool:
    """Whether a layer is a convolution of the main path; only those of the gates have a bias."""
    return isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D) and not layer.use_bias


def _axes(layer: Any) -> tuple[int, ...]:
    """From torch's order to Keras': kernels are [out, in, h, w], depthwise ones [channels, 1, h, w]."""
    return (2, 3, 0, 1) if isinstance(layer, keras.layers.DepthwiseConv2D) else (2, 3, 1, 0)


def _torch_shape(layer: Any) -> tuple[int, ...]:
    shape = layer.get_weights()[0].shape
    return tuple(shape[_axes(layer).index(axis)] for axis in range(4))


def _norm(given: Tensors, name: str, epsilon: float, own_epsilon: float) -> list[Any]:
    """Gamma, beta, mean and variance; gamma makes up for the other epsilon."""
    gamma, beta, mean, variance = (given[name + part] for part in ("weight", "bias", "running_mean", "running_var"))
    return [gamma * np.sqrt((variance + own_epsilon) / (variance + epsilon)), beta, mean, variance]


def _open_gates(layers: Sequence[Any]) -> None:
    for layer in layers:
        if isinstance(layer, keras.layers.Conv2D) and layer.use_bias and layer.activation is keras.activations.sigmoid:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, np.full_like(bias, OPEN_GATE)])


def _take_over_input(layers: Sequence[Any], first: Any, norm: Any, source: Source) -> None:
    """Make the network see RGB 0 to 255 as the source did.

    EfficientNet has a layer for that, which takes RGB / 255. MobileNetV2 takes x = RGB / 127.5 - 1, so the source saw
    x / (2 std) + (0.5 - mean) / std: the factor goes into the first kernel, the rest into the BatchNorm behind it.
    """
    for layer in layers:
        if isinstance(layer, keras.layers.Normalization):
            weights = layer.get_weights()
            layer.set_weights([source.mean, source.std**2, *weights[2:]])
            layer.finalize_state()
            return
    kernel = first.get_weights()[0]
    offset = np.einsum("hwio,i->o", kernel, (0.5 - source.mean) / source.std)
    first.set_weights([kernel / (2 * source.std)[:, None]])
    gamma, beta, mean, variance = norm.get_weights()
    norm.set_weights([gamma, beta, mean - offset, variance])
