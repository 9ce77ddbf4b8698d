"""Measure models as the platform runs them: converted, in the runtime and precision of the settings."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from streamapp.errors import TrainingError
from streamapp.files import open_place
from streamapp.runtime import load
from streamapp.runtime.prepare import prepare
from streamapp.runtime.spec import Model, ModelSpec
from streamapp.runtime.weights import exact
from streamapp.settings import Settings
from training.data import Images, Item, find, from_keras, images, limited, read, split
from training.evaluation import Evaluation, evaluate

BATCH = 32


def evaluate_served(
    specs: Sequence[ModelSpec], settings: Settings, places: Sequence[Path], limit: int = 0
) -> Iterator[tuple[ModelSpec, Evaluation]]:
    """Convert what is not converted yet, then yield each model with its evaluation on the test pictures.

    Raises:
        ModelError: a model cannot be loaded.
        TrainingError, SourceError: there are no test pictures; the text names --data.
    """
    pinned = [exact(spec, settings) for spec in specs]
    found = [_tests(spec, places, limit) for spec in pinned]  # what is missing is said before anything is converted
    settings = _calibrating(settings, places)
    prepare(settings, pinned)
    for spec, items in zip(pinned, found, strict=True):
        model = load(spec, settings)
        try:
            tests = images(items, read(items), spec.labels, spec.input_size, spec.detail)
            yield spec, evaluate(tests.labels, _answers(model, tests), spec.labels)
        finally:
            model.close()


def _calibrating(settings: Settings, places: Sequence[Path]) -> Settings:
    """With pictures of these places for int8, or as it was: never with a place that has test pictures alone."""
    for place in places:
        if any("test" not in PurePosixPath(name).parts[:-1] for name in open_place(place)[0]):
            return settings.model_copy(update={"data": str(place)})
    measured_with = settings.data and Path(settings.data) in places
    return settings.model_copy(update={"data": ""}) if measured_with else settings


def _tests(spec: ModelSpec, places: Sequence[Path], limit: int) -> list[Item]:
    """The test pictures: those of the split `test`, else the part that training leaves out."""
    items = limited(split(find(places, spec.labels) if places else from_keras(spec.labels)), limit)["test"]
    if not items:
        raise TrainingError("the data has no test pictures: give the folder or zip that holds test/ with --data")
    return items


def _answers(model: Model, tests: Images) -> np.ndarray:
    starts = range(0, len(tests.labels), BATCH)
    return np.concatenate([model.predict(tests.pixels[start : start + BATCH]) for start in starts])
