"""Start Keras' ResNet50 from the ImageNet features of an older one, as TensorFlow.js has it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from streamapp.errors import TrainingError
from training.tfjsfile import LayersModel, layers_model

ARCHITECTURE = "ResNet50"
#: The convolutions of a block, by their numbers of today and by those of the paper (arXiv:1512.03385).
BRANCHES = {"0": "1", "1": "2a", "2": "2b", "3": "2c"}


def initialise(layers: Sequence[Any], architecture: str, path: Path) -> None:
    """Put the convolutions and BatchNorms of a TensorFlow.js ResNet50 into `layers`; the classifier stays as it is.

    Both see pictures alike: BGR, less the means of ImageNet, and a block's first convolution takes the stride. A bias
    goes into the mean of the BatchNorm behind it, which takes it away again.

    Raises:
        TrainingError: the file cannot be read, or is one of another network.
    """
    if architecture != ARCHITECTURE:
        raise TrainingError(f"--init {path}: a TensorFlow.js model can start {ARCHITECTURE}, not {architecture}")
    given = layers_model(path)
    try:
        for layer in layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.set_weights(_norm(given, layer))
            elif isinstance(layer, keras.layers.Conv2D):
                kernel = given.weights[old_name(layer.name)]["kernel"]
                layer.set_weights([kernel, np.zeros(kernel.shape[-1])])
    except (KeyError, ValueError) as error:  # a layer is missing, or has another shape
        raise TrainingError(f"--init {path} does not hold the layers of {architecture}: {error}") from error


def _norm(given: LayersModel, layer: Any) -> list[Any]:
    """Gamma, beta, mean and variance; the variance makes up for the other epsilon."""
    name = old_name(layer.name)
    norm, epsilon = given.weights[name], given.options[name]["epsilon"]
    bias = given.weights[old_name(layer.name.replace("_bn", "_conv"))]["bias"]
    variance = norm["moving_variance"] + np.float32(epsilon - layer.epsilon)
    return [norm["gamma"], norm["beta"], norm["moving_mean"] - bias, variance]


def old_name(name: str) -> str:
    """What an older Keras called a layer: `res2a_branch2b` for `conv2_block1_2_conv`, `bn_conv1` for `conv1_bn`."""
    found = re.fullmatch(r"conv(\d)_block(\d)_(\d)_(conv|bn)", name)
    if found is None:
        return {"conv1_conv": "conv1", "conv1_bn": "bn_conv1"}[name]
    stage, block, number, kind = found.groups()
    return f"{'res' if kind == 'conv' else 'bn'}{stage}{'abcdef'[int(block) - 1]}_branch{BRANCHES[number]}"
