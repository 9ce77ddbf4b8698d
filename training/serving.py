"""Measure models as the platform runs them: converted, in the runtime and precision of the settings."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from streamapp.errors import TrainingError
from streamapp.runtime import load
from streamapp.runtime.prepare import prepare
from streamapp.runtime.spec import Model, ModelInfo, ModelSpec
from streamapp.settings import Settings
from training.data import Images, find, from_keras, images, limited, read, split
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
    prepare(settings, specs)
    for spec in specs:
        model = load(spec, settings)
        try:
            tests = _tests(model.info, places, limit)
            yield spec, evaluate(tests.labels, _answers(model, tests), model.info.labels)
        finally:
            model.close()


def _tests(info: ModelInfo, places: Sequence[Path], limit: int) -> Images:
    """The test pictures: those of the split `test`, else the part that training leaves out."""
    items = limited(split(find(places, info.labels) if places else from_keras(info.labels)), limit)["test"]
    if not items:
        raise TrainingError("the data has no test pictures: give the folder or zip that holds test/ with --data")
    return images(items, read(items), info.labels, info.input_size, info.detail)


def _answers(model: Model, tests: Images) -> np.ndarray:
    starts = range(0, len(tests.labels), BATCH)
    return np.concatenate([model.predict(tests.pixels[start : start + BATCH]) for start in starts])
