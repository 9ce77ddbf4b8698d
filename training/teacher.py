"""A trained network whose answers are mixed into the labels (Hinton et al., 2015, arXiv:1503.02531)."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from streamapp import runtime
from streamapp.errors import TrainingError
from streamapp.runtime.prepare import prepare
from streamapp.runtime.spec import ModelSpec
from streamapp.settings import Settings
from training.export import recipe_in
from training.recipe import Recipe

#: Probabilities, float32 [N, classes], for uint8 RGB [N, size, size, 3].
Teacher = Callable[[Any], Any]


def load_teacher(recipe: Recipe) -> Teacher | None:
    """The teacher of a recipe, or None where it has none.

    Exported weights run in OpenVINO, as the platform runs them: a teacher needs no gradients, and took a quarter of
    the time of each step in Keras; their input size may be another. A `.keras` file may be of any architecture, so
    Keras runs it, and it takes pictures of the student's size.

    Raises:
        TrainingError: it cannot be loaded, or takes or answers something else.
    """
    if not recipe.teacher:
        return None
    path = Path(recipe.teacher)
    exported = recipe_in(path)
    try:
        if exported:
            if exported.labels != recipe.labels:
                raise TrainingError(
                    f"--teacher {path} was trained for the classes {', '.join(exported.labels)}; "
                    f"wanted, in this order: {', '.join(recipe.labels)}"
                )
            return _resizing(_exported(exported, path), recipe.input_size, exported.input_size)
        return _keras(recipe, path)
    except TrainingError:
        raise
    except Exception as error:  # whatever a file of unknown origin makes Keras raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise TrainingError(f"--teacher {recipe.teacher} cannot be loaded: {reason}") from error


def _exported(exported: Recipe, path: Path) -> Teacher:
    spec = ModelSpec(
        exported.model, exported.architecture, exported.input_size, exported.labels, str(path), runtime="openvino"
    )
    settings = Settings.load().model_copy(update={"inference_threads": os.cpu_count() or 1})
    prepare(settings, [spec])
    return runtime.load(spec, settings).predict


def _resizing(teacher: Teacher, size: int, wanted: int) -> Teacher:
    """A teacher of another input size than the student's gets the same pictures, resized as they were when read."""
    if size == wanted:
        return teacher

    def resized(picture: Any) -> Any:
        return np.asarray(Image.fromarray(picture).resize((wanted, wanted), Image.Resampling.BICUBIC))

    return lambda pixels: teacher(np.stack([resized(picture) for picture in pixels]))


def _keras(recipe: Recipe, path: Path) -> Teacher:
    import keras

    network = keras.saving.load_model(path, compile=False)
    size = recipe.input_size
    if tuple(network.input_shape) != (None, size, size, 3):
        raise TrainingError(f"--teacher {path} takes {network.input_shape}; wanted: {size}×{size} RGB")
    if int(network.output_shape[-1]) != len(recipe.labels):
        raise TrainingError(f"--teacher {path} knows {network.output_shape[-1]} classes; wanted: {len(recipe.labels)}")
    network.trainable = False  # torch then keeps nothing for a way back
    return lambda pixels: keras.ops.convert_to_numpy(network(pixels, training=False))
