"""Keras models by name, with their preprocessing inside: plain RGB bytes in, probabilities out."""

import inspect
import os
import sys
from typing import Any, Literal

import keras
from keras import layers, ops

from streamapp.errors import ModelError

TINY_CNN = "TinyCNN"
Weights = Literal["imagenet"] | None


def build(architecture: str, size: int, classes: int, weights: Weights = None) -> Any:
    """A model: uint8 RGB [N, size, size, 3] in, float32 probabilities [N, classes] out.

    `architecture` is a class of `keras.applications`, whose own `preprocess_input` becomes the first layers, or
    `TinyCNN`. The weights are fresh, or those for ImageNet that Keras downloads once into a folder of its own.

    Raises:
        ModelError: there is no such architecture, it cannot be built for that size, or the download failed.
    """
    try:
        if weights == "imagenet":
            preprocess, body = _downloaded(architecture, size, classes)
        elif architecture == TINY_CNN:
            preprocess, body = _tiny_cnn(size, classes)
        else:
            preprocess, body = _application(architecture, size, classes)
    except ValueError as error:
        raise ModelError(f"{architecture} cannot be built for {size}×{size} pixels: {error}") from error
    image = keras.Input((size, size, 3), dtype="uint8", name="image")
    return keras.Model(image, body(preprocess(ops.cast(image, "float32"))), name=architecture.lower())


def _downloaded(architecture: str, size: int, classes: int) -> tuple[Any, Any]:
    try:
        return _application(architecture, size, classes, "imagenet")
    except ModelError:
        raise
    except Exception as error:  # a bare one when the download fails, and many kinds for a damaged file
        folder = f"{os.environ.get('KERAS_HOME') or '~/.keras'}/models"
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"the ImageNet weights of {architecture} cannot be had: {reason}; connect this machine to the internet "
            f"once, or put Keras' file of them into {folder} (remove one that is damaged)"
        ) from error


def _application(architecture: str, size: int, classes: int, weights: Weights = None) -> tuple[Any, Any]:
    maker = getattr(keras.applications, architecture, None)
    if not inspect.isfunction(maker):
        raise ModelError(f"architecture {architecture!r}: neither {TINY_CNN} nor a class of keras.applications")
    body = maker(weights=weights, include_top=True, input_shape=(size, size, 3), classes=classes)
    return sys.modules[maker.__module__].preprocess_input, body


def _tiny_cnn(size: int, classes: int) -> tuple[Any, Any]:
    """Three convolutions: a real model that costs next to nothing, for tests of everything around the models."""
    body = keras.Sequential(
        [
            keras.Input((size, size, 3)),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    return layers.Rescaling(1 / 127.5, offset=-1.0), body
