"""What a weights URI stands for: freshly initialised numbers, a Keras file, or a folder with an OpenVINO model."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from streamapp.errors import ModelError
from streamapp.runtime.spec import ModelSpec
from streamapp.settings import Settings

#: Where the random numbers of fresh weights start; part of their version.
SEED = 20091204
CHUNK = 1024 * 1024
KNOWN = "`cifar10`, `fresh`, a .keras or .weights.h5 file, or a folder with an OpenVINO model.xml"


@dataclass(frozen=True)
class Weights:
    """Weights that can be loaded: how, from where, and which.

    `digest` is the SHA-256 of their content (of what they are made from, where they are fresh); `version` is
    for people.
    """

    kind: Literal["fresh", "keras", "openvino"]
    uri: str
    digest: str
    version: str
    path: Path | None = None

    @property
    def trained(self) -> bool:
        """False where the numbers are random."""
        return self.kind != "fresh"


def resolve(spec: ModelSpec, settings: Settings) -> Weights:
    """The weights of a model: those that the settings name for all models, else its own.

    Raises:
        ModelError: the URI is of no known kind, or there is nothing at that path.
    """
    uri = settings.weights or spec.weights
    if uri in NAMED:
        return NAMED[uri](spec)
    return _from_path(uri, spec)


def fresh(spec: ModelSpec) -> Weights:
    """Freshly initialised weights: the same numbers on every machine with the same Keras."""
    recipe = [SEED, spec.architecture, spec.input_size, len(spec.labels), version("keras")]
    digest = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()
    return Weights("fresh", "fresh", digest, f"untrained-{digest[:8]}")


#: Weights with a name. None are bundled for CIFAR-10 yet, so these are fresh and say so.
NAMED: Mapping[str, Callable[[ModelSpec], Weights]] = {"cifar10": fresh, "fresh": fresh}


def _from_path(uri: str, spec: ModelSpec) -> Weights:
    path = Path(uri).expanduser()
    if path.is_file() and path.name.endswith((".keras", ".weights.h5")):
        digest = _sha256(path)
        return Weights("keras", uri, digest, digest[:12], path)
    if (path / "model.xml").is_file() and (path / "model.bin").is_file():
        digest = _sha256(path / "model.xml", path / "model.bin")
        return Weights("openvino", uri, digest, digest[:12], path)
    what = "has no weights that can be read" if path.exists() else "does not exist"
    raise ModelError(f"model {spec.name!r}: weights {uri!r}: that path {what}; weights are {KNOWN}")


def _sha256(*paths: Path) -> str:
    """The hash of files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
