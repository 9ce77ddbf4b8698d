"""Compares the faster layers with Keras' own on torch, in a process of its own; prints the largest differences."""

import json
import os

os.environ["KERAS_BACKEND"] = "torch"

from typing import Any

import keras
import numpy as np
import torch

from training import torchfast
from training.pretrained import flat_layers


def network() -> Any:
    """Every case: strides, both paddings, few and many pixels, depthwise kernels, a bias in front of a BatchNorm."""
    layers = keras.layers
    image = keras.Input((24, 24, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(image)
    x = layers.BatchNormalization(axis=3)(x)
    x = layers.Conv2D(8, 1, strides=2)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = layers.ZeroPadding2D(2)(x)
    x = layers.DepthwiseConv2D(5, strides=2)(x)
    x = layers.Conv2D(4, 3, dilation_rate=2, padding="same")(x)
    return keras.Model(image, layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def trained(moot: bool) -> dict[str, Any]:
    """The answers before training, and every kind of weight after three steps of plain gradient descent."""
    keras.utils.set_random_seed(3)
    model = network()
    if moot:
        torchfast.drop_moot_biases(list(flat_layers(model)))
    model.compile(keras.optimizers.SGD(0.5), "categorical_crossentropy")
    random = np.random.default_rng(5)
    pictures, wanted = (
        random.normal(size=(16, 24, 24, 3)).astype("float32"),
        np.eye(5, dtype="float32")[random.integers(0, 5, 16)],
    )
    found: dict[str, Any] = {"answers": [keras.ops.convert_to_numpy(model(pictures, training=False))]}
    for _ in range(3):
        model.train_on_batch(pictures, wanted)
    for weight, values in zip(model.weights, model.get_weights(), strict=True):
        found.setdefault(weight.path.rsplit("/", 1)[-1], []).append(values)
    return found


def stepped() -> dict[str, Any]:
    """Two variables, one without decay, after three steps of AdamW along given gradients."""
    random = np.random.default_rng(7)
    kernel, bias = (
        keras.Variable(random.normal(size=(4, 5)).astype("float32"), name=name) for name in ("kernel", "bias")
    )
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    for _ in range(3):
        gradients = [keras.ops.convert_to_tensor(random.normal(size=(4, 5)).astype("float32")) for _ in range(2)]
        optimizer.apply(gradients, [kernel, bias])
    return {"adamw": [keras.ops.convert_to_numpy(variable) for variable in (kernel, bias)]}


def main() -> None:
    """Do the same by Keras' own layers, then by the faster ones."""
    torch.set_num_threads(1)
    slow = {**trained(moot=False), **stepped()}
    torchfast.install()
    fast = {**trained(moot=True), **stepped()}
    differences = {
        name: max(float(np.abs(one - other).max()) for one, other in zip(values, fast[name], strict=True))
        for name, values in slow.items()
    }
    moved = float(np.abs(slow["kernel"][0] - trained_from()["kernel"][0]).max())
    untouched = sum(not values.any() for values in fast["bias"])
    print(json.dumps({"differences": differences, "moved": moved, "untouched_biases": untouched}))


def trained_from() -> dict[str, Any]:
    """The kernels that the training began with."""
    keras.utils.set_random_seed(3)
    return {"kernel": [network().get_weights()[0]]}


if __name__ == "__main__":
    main()
