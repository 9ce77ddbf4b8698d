"""Read the tensors of a torch checkpoint without torch, and refuse whatever else a pickle could do.

Both layouts are read: the zip of today, and the stream of pickles that torch wrote before version 1.6. The file may
also lie in a wheel (a zip with exactly one checkpoint in it).
"""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from streamapp.errors import TrainingError

Tensors = dict[str, npt.NDArray[Any]]

#: First pickle of the old layout, and its version (`torch/serialization.py`: MAGIC_NUMBER, PROTOCOL_VERSION).
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
SUFFIXES = (".pt", ".pth")
STORAGES = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype[Any]
    size: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def tensors(path: Path) -> Tensors:
    """The tensors of a checkpoint by name: a state dict, or one under the key `state_dict`.

    Raises:
        TrainingError: the file cannot be read, is no checkpoint, or holds anything but tensors.
    """
    try:
        content = _checkpoint(path.read_bytes())
        return _from_zip(content) if zipfile.is_zipfile(io.BytesIO(content)) else _from_stream(content)
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever a file of unknown origin makes pickle, zipfile and numpy raise
        reason = str(error) or type(error).__name__
        raise TrainingError(f"{path} is not a torch checkpoint of plain tensors: {reason}") from error


def _checkpoint(content: bytes) -> bytes:
    """The checkpoint itself, where it lies in a wheel."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return content
    archive = zipfile.ZipFile(io.BytesIO(content))
    inside = [name for name in archive.namelist() if name.endswith(SUFFIXES)]
    if any(name.endswith("data.pkl") for name in archive.namelist()):
        return content
    if len(inside) != 1:
        raise ValueError(f"it holds {len(inside)} files that end in .pt or .pth, not one")
    return archive.read(inside[0])


def _from_zip(content: bytes) -> Tensors:
    archive = zipfile.ZipFile(io.BytesIO(content))
    index = next(name for name in archive.namelist() if name.endswith("data.pkl"))
    folder = index.removesuffix("data.pkl")
    found = _state(_Unpickler(io.BytesIO(archive.read(index))).load())
    return _arrays(found, lambda storage: archive.read(f"{folder}data/{storage.key}"))


def _from_stream(content: bytes) -> Tensors:
    file = io.BytesIO(content)
    if [_Unpickler(file).load(), _Unpickler(file).load()] != [MAGIC, PROTOCOL]:
        raise ValueError("it does not begin as one")
    if not _Unpickler(file).load()["little_endian"]:
        raise ValueError("its numbers are big-endian")
    found = _state(_Unpickler(file).load())
    sizes = {tensor.storage.key: tensor.storage.dtype.itemsize for tensor in found.values()}
    storages: dict[str, bytes] = {}
    for key in _Unpickler(file).load():
        (count,) = struct.unpack("<q", file.read(8))
        storages[key] = file.read(count * sizes[key])
    return _arrays(found, lambda storage: storages[storage.key])


def _state(loaded: Any) -> dict[str, _Tensor]:
    state = loaded.get("state_dict", loaded)
    if not state or not all(isinstance(name, str) and isinstance(value, _Tensor) for name, value in state.items()):
        raise ValueError("it holds other things than tensors with a name")
    return dict(state)


def _arrays(found: Mapping[str, _Tensor], read: Callable[[_Storage], bytes]) -> Tensors:
    return {name: _array(tensor, read(tensor.storage)) for name, tensor in found.items()}


def _array(tensor: _Tensor, content: bytes) -> npt.NDArray[Any]:
    """A copy of one tensor; its bounds are checked, since its strides come from the file."""
    dtype = tensor.storage.dtype
    data = np.frombuffer(content, dtype)
    last = tensor.offset + sum((side - 1) * stride for side, stride in zip(tensor.shape, tensor.strides, strict=True))
    if min((tensor.offset, *tensor.shape, *tensor.strides)) < 0 or max(last + 1, prod(tensor.shape)) > len(data):
        raise ValueError("a tensor reaches over the end of its numbers")
    strides = [stride * dtype.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(data[tensor.offset :], tensor.shape, strides, writeable=False).copy()


def _rebuild(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


class _Unpickler(pickle.Unpickler):
    """Knows ordered dicts, tensors and five kinds of storage; any other name in the pickle is an error."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in it")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _, size = pid[:5]
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError("a reference to something else than numbers")
        return _Storage(str(key), dtype, int(size))
