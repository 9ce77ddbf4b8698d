"""The folder of converted models: one subfolder for each, whole or not there at all."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from streamapp.errors import ModelError
from streamapp.runtime.spec import ModelInfo, ModelSpec
from streamapp.runtime.weights import Weights, resolve
from streamapp.settings import Settings

#: To be raised whenever the conversion changes, so that what it made before is made anew.
FORMAT = 1
#: Packages whose version changes what a conversion makes.
MAKERS = ("keras", "openvino", "tensorflow-cpu")

IR, KERAS, META = "model.xml", "model.keras", "meta.json"
UNFINISHED = ".new-"


@dataclass(frozen=True)
class Meta:
    """What a conversion found out. `files` are the sizes in bytes of what belongs to it."""

    parameters: int
    flops: float
    files: dict[str, int]


@dataclass(frozen=True)
class Entry:
    """A converted model."""

    folder: Path
    weights: Weights
    meta: Meta

    @property
    def ir(self) -> Path:
        """The OpenVINO model: uint8 [N, size, size, 3] in, probabilities [N, classes] out, any N."""
        return self.folder / IR

    @property
    def keras(self) -> Path:
        """The same model as a Keras file; not there for weights that came as an OpenVINO model."""
        return self.folder / KERAS

    def info(self, spec: ModelSpec, runtime: str, precision: str) -> ModelInfo:
        """The facts of this model, run in that way."""
        return ModelInfo(
            model=spec.name,
            model_version=self.weights.version,
            trained=self.weights.trained,
            architecture=spec.architecture,
            weights=self.weights.uri,
            runtime=runtime,
            precision=precision,
            input_size=spec.input_size,
            labels=spec.labels,
            parameters=self.meta.parameters,
            flops=self.meta.flops,
        )


def root(settings: Settings) -> Path:
    """The folder of all converted models."""
    return settings.data_dir / "models"


def folder_name(spec: ModelSpec, weights: Weights) -> str:
    """The name of a converted model's folder; it changes with everything that changes the conversion."""
    makers = [f"{name} {version(name)}" for name in MAKERS]
    parts = [FORMAT, spec.architecture, spec.input_size, spec.labels, weights.kind, weights.digest, makers]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return f"{spec.architecture.lower()}-{spec.input_size}-{digest[:12]}"


def find(spec: ModelSpec, settings: Settings) -> Entry | None:
    """The converted model, or None where it must be converted (again).

    Raises:
        ModelError: the weights cannot be found.
    """
    weights = resolve(spec, settings)
    folder = root(settings) / folder_name(spec, weights)
    try:
        meta = Meta(**json.loads((folder / META).read_text()))
        whole = all((folder / name).stat().st_size == size for name, size in meta.files.items())
    except (OSError, ValueError, TypeError):
        return None
    return Entry(folder, weights, meta) if whole else None


def require(spec: ModelSpec, settings: Settings) -> Entry:
    """The converted model.

    Raises:
        ModelError: it is not converted.
    """
    entry = find(spec, settings)
    if entry is None:
        raise ModelError(f"model {spec.name!r} is not converted yet; run `streamapp models prepare`")
    return entry


def store(spec: ModelSpec, settings: Settings, make: Callable[[Path], tuple[int, float]]) -> Entry:
    """Put a converted model into the cache in one step; call it inside `exclusive`.

    `make` writes the model into the empty folder that it is given and returns parameters and FLOPs.
    """
    folder = root(settings) / folder_name(spec, resolve(spec, settings))
    unfinished = folder.with_name(UNFINISHED + folder.name)
    unfinished.mkdir()
    parameters, flops = make(unfinished)
    meta = Meta(parameters, flops, {path.name: path.stat().st_size for path in sorted(unfinished.iterdir())})
    (unfinished / META).write_text(json.dumps(asdict(meta), indent=2))
    for path in [*unfinished.iterdir(), unfinished]:
        _sync(path)
    shutil.rmtree(folder, ignore_errors=True)  # a damaged one, or none
    unfinished.rename(folder)
    _sync(folder.parent)
    return require(spec, settings)


@contextmanager
def exclusive(settings: Settings, waiting: Callable[[], None]) -> Iterator[None]:
    """Be the only process that writes the cache; `waiting` is called once when another one is at it."""
    folder = root(settings)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(UNFINISHED + "*"):
            shutil.rmtree(left)
        yield


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
