"""The folder of converted models: one subfolder for each, whole or not there at all."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from streamapp.errors import ModelError
from streamapp.runtime import facts, folders
from streamapp.runtime.spec import ModelInfo, ModelSpec
from streamapp.runtime.weights import Weights, resolve
from streamapp.settings import Settings

#: To be raised whenever the conversion changes, so that what it made before is made anew.
FORMAT = 2
#: Packages whose version changes what a conversion makes.
MAKERS = ("keras", "openvino", "tensorflow-cpu")
INT8_MAKERS = (*MAKERS, "nncf")

IR, KERAS, META = "model.xml", "model.keras", "meta.json"
#: What each runtime loads.
LOADED = {"openvino": (IR, "model.bin"), "keras": (KERAS,)}


@dataclass(frozen=True)
class Meta:
    """What a conversion found out. `files` are the sizes in bytes of what belongs to it, `facts` is what the weights
    say of themselves.
    """

    parameters: int
    flops: float
    files: dict[str, int]
    facts: dict[str, Any] = field(default_factory=dict)


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
        """The same model as a Keras file; not there for int8, nor for weights that came as an OpenVINO model."""
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
            sha256=self.weights.digest,
            accuracy=facts.accuracy(self.weights.path, self.weights.digest, self.meta.facts),
            detail=spec.detail,
            size_bytes=sum(self.meta.files.get(name, 0) for name in LOADED[runtime]),
        )


def root(settings: Settings) -> Path:
    """The folder of all converted models."""
    return settings.data_dir / "models"


def folder_name(spec: ModelSpec, weights: Weights, precision: str = "f32") -> str:
    """The name of a converted model's folder; it changes with everything that changes the conversion.

    f32 and bf16 are the same files: how exactly they are calculated is decided when they are loaded.
    """
    kind = "int8" if precision == "int8" else "float"
    makers = [f"{name} {version(name)}" for name in (INT8_MAKERS if kind == "int8" else MAKERS)]
    pictures = (spec.input_size, spec.detail) if kind == "int8" else spec.input_size
    parts = [FORMAT, kind, spec.architecture, pictures, spec.labels, weights.kind, weights.digest, makers]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return f"{spec.architecture.lower()}-{spec.input_size}-{kind}-{digest[:12]}"


def folder_of(spec: ModelSpec, weights: Weights, settings: Settings) -> Path:
    """Where the model with these weights is, or will be.

    Raises:
        ModelError: it shall be run in a way that there is not.
    """
    return root(settings) / folder_name(spec, weights, spec.run_by(settings)[1])


def find(spec: ModelSpec, settings: Settings) -> Entry | None:
    """The converted model, or None where it must be converted (again).

    Raises:
        ModelError: the weights cannot be found, or the model shall be run in a way that there is not.
    """
    weights = resolve(spec, settings)
    folder = folder_of(spec, weights, settings)
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

    Raises:
        ModelError: the weights say that they are for other labels or other pictures, or were replaced meanwhile.
    """
    weights = resolve(spec, settings)
    said = facts.inside(weights.path)
    facts.check_labels(spec, said)
    facts.check_input(spec, said)
    folder = folder_of(spec, weights, settings)
    unfinished = folders.begin(folder)
    parameters, flops = make(unfinished)
    if resolve(spec, settings).digest != weights.digest:
        raise ModelError(f"model {spec.name!r}: its weights were replaced while they were being converted; try again")
    meta = Meta(parameters, flops, {path.name: path.stat().st_size for path in sorted(unfinished.iterdir())}, said)
    (unfinished / META).write_text(json.dumps(asdict(meta), indent=2))
    folders.finish(unfinished, folder)
    return require(spec, settings)


@contextmanager
def exclusive(settings: Settings, waiting: Callable[[], None]) -> Iterator[None]:
    """Be the only process that writes the cache; `waiting` is called once when another one is at it."""
    with folders.exclusive(root(settings), waiting):
        yield
