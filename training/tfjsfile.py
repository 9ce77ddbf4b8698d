"""Read a TensorFlow.js layers model: a `model.json` and its shards, in the tarball of an npm package."""

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from streamapp.errors import TrainingError
from training.torchfile import Tensors

INDEX = "model.json"


@dataclass(frozen=True)
class LayersModel:
    """The tensors of each layer by its name (`kernel`, `gamma`, …), and the options that the layer was made with."""

    weights: Mapping[str, Tensors]
    options: Mapping[str, Mapping[str, Any]]


def layers_model(path: Path) -> LayersModel:
    """The one layers model of a tarball, its numbers in single precision.

    Raises:
        TrainingError: the file cannot be read, or holds no such model.
    """
    try:
        with tarfile.open(path) as archive:
            return _read(archive)
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever a file of unknown origin makes tarfile, json and numpy raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise TrainingError(f"{path} is not a tarball with one TensorFlow.js layers model: {reason}") from error


def _read(archive: tarfile.TarFile) -> LayersModel:
    names = [name for name in archive.getnames() if PurePosixPath(name).name == INDEX]
    if len(names) != 1:
        raise ValueError(f"it holds {len(names)} files named {INDEX}, not one")
    index = json.loads(_content(archive, names[0]))
    weights: dict[str, Tensors] = {}
    for group in index["weightsManifest"]:
        shards = [str(PurePosixPath(names[0]).with_name(shard)) for shard in group["paths"]]
        for name, values in _tensors(group["weights"], b"".join(_content(archive, shard) for shard in shards)):
            layer, _, part = name.rpartition("/")
            weights.setdefault(layer, {})[part] = values
    layers = index["modelTopology"]["model_config"]["config"]["layers"]
    return LayersModel(weights, {layer["config"]["name"]: layer["config"] for layer in layers})


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is no file")
    return file.read()


def _tensors(manifest: list[Mapping[str, Any]], content: bytes) -> Iterator[tuple[str, Any]]:
    """The tensors of a group, which lie one after the other in its shards."""
    start = 0
    for entry in manifest:
        if entry["dtype"] != "float32" or "quantization" in entry:
            raise ValueError(f"{entry['name']} is not in single precision")
        values = np.frombuffer(content, "<f4", prod(entry["shape"]), start).reshape(entry["shape"])
        start += values.nbytes
        yield entry["name"], values
