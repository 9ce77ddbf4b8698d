"""Register weights after the fact, with a run of their own that keeps their files."""

from dataclasses import replace
from pathlib import Path

from streamapp.errors import ModelError
from streamapp.runtime import facts
from streamapp.runtime.prepare import prepare
from streamapp.runtime.registry import Version
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weightfiles import BIN, XML, WeightsFile, look
from streamapp.runtime.weights import exact
from streamapp.settings import Settings
from training.record import Record
from training.registry import Registry


def register(spec: ModelSpec, path: Path, settings: Settings) -> Version:
    """Make the weights at a path a version of the registered model with this spec's name.

    They are converted first: what the model cannot run cannot be registered, and what can be is ready to serve.

    Raises:
        ModelError: there are no weights at that path, or they are those of another model.
        RegistryUnavailable, TrainingError: MLflow does not answer.
    """
    chosen = exact(replace(spec, weights=str(path)), settings)
    prepare(settings, [chosen])
    file = look(path)
    if file is None:
        raise ModelError(f"{path} was there and is gone")
    notes = facts.noted(path, file.digest)
    params = {"weights": path.name, "sha256": file.digest, **facts.recipe(notes)}
    record = Record.start(settings.data_dir, f"{spec.name} registered", params)
    record.files(_files(file, bool(notes)))
    record.end("FINISHED")
    return Registry.open(settings.data_dir).add(spec.name, record.run_id, path)


def _files(file: WeightsFile, with_notes: bool) -> list[Path]:
    """What belongs to weights: the file and what is noted beside it, or the two files of an OpenVINO model."""
    if file.kind == "openvino":
        return [file.path / XML, file.path / BIN]
    return [file.path, facts.place(file.path)] if with_notes else [file.path]
