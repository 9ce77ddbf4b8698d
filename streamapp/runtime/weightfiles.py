"""Weights as files: which ones can be read, and which those are."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from streamapp.runtime.facts import KERAS, WEIGHTS

XML, BIN = "model.xml", "model.bin"


@dataclass(frozen=True)
class WeightsFile:
    """A Keras file, or the folder of an OpenVINO model; `digest` is the SHA-256 of its content."""

    kind: Literal["keras", "openvino"]
    path: Path
    digest: str


def look(path: Path) -> WeightsFile | None:
    """The weights at a path; None where there are none that can be read."""
    try:
        if path.is_file() and path.name.endswith((KERAS, WEIGHTS)):
            return WeightsFile("keras", path, sha256(path))
        if (path / XML).is_file() and (path / BIN).is_file():
            return WeightsFile("openvino", path, sha256(path / XML, path / BIN))
    except (OSError, ValueError):  # not ours to read, or a text that can be no path
        return None
    return None


def inside(folder: Path) -> WeightsFile | None:
    """The only weights in a folder or below it; None where there are none, or several."""
    ends = (KERAS, WEIGHTS, XML)
    found = [path.parent if path.name == XML else path for path in folder.rglob("*") if path.name.endswith(ends)]
    return look(found[0]) if len(found) == 1 else None


def sha256(*paths: Path) -> str:
    """The hash of files, one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()
