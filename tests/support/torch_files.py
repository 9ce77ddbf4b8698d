"""Checkpoints as torch writes them, in both layouts, made without torch."""

import io
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
KINDS = {"<f4": "FloatStorage", "<i8": "LongStorage", "<f2": "HalfStorage"}


class _Numbers:
    """Stands for the storage of one tensor while it is pickled."""

    def __init__(self, key: str, values: Any) -> None:
        self.key, self.values = key, values


class _Tensor:
    def __init__(self, storage: _Numbers) -> None:
        self.storage = storage

    def __reduce__(self) -> tuple[Any, ...]:
        values = self.storage.values
        strides = tuple(step // values.itemsize for step in values.strides)
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2  # type: ignore[attr-defined]
        return rebuild, (self.storage, 0, values.shape, strides, False, OrderedDict())


class _Pickler(pickle.Pickler):
    def persistent_id(self, thing: Any) -> Any:
        if not isinstance(thing, _Numbers):
            return None
        kind = getattr(sys.modules["torch"], KINDS[thing.values.dtype.str])
        return "storage", kind, thing.key, "cpu", thing.values.size


@contextmanager
def _torch() -> Iterator[None]:
    """The three names that a checkpoint mentions, in modules named like torch's."""
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    for name in KINDS.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2() -> None: ...

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    torch._utils = utils  # type: ignore[attr-defined]
    sys.modules.update({"torch": torch, "torch._utils": utils})
    try:
        yield
    finally:
        del sys.modules["torch"], sys.modules["torch._utils"]


def _pickled(thing: Any) -> bytes:
    file = io.BytesIO()
    _Pickler(file, 2).dump(thing)
    return file.getvalue()


def _state(tensors: Mapping[str, Any]) -> tuple[OrderedDict[str, _Tensor], list[_Numbers]]:
    storages = [_Numbers(str(number), np.asarray(values)) for number, values in enumerate(tensors.values())]
    return OrderedDict(zip(tensors, map(_Tensor, storages), strict=True)), storages


def old_layout(tensors: Mapping[str, Any]) -> bytes:
    """As before torch 1.6: five pickles and the numbers behind them."""
    state, storages = _state(tensors)
    with _torch():
        parts = [MAGIC, PROTOCOL, {"little_endian": True}, state, [storage.key for storage in storages]]
        content = b"".join(_pickled(part) for part in parts)
    for storage in storages:
        content += struct.pack("<q", storage.values.size) + storage.values.tobytes("A")
    return content


def new_layout(
    tensors: Mapping[str, Any], wrap: Callable[[Any], Any] = lambda state: state, kept: int | None = None
) -> bytes:
    """As since torch 1.6: a zip. `wrap` may put the tensors into something else; `kept` bytes are left of each."""
    state, storages = _state(tensors)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, _torch():
        archive.writestr("archive/data.pkl", _pickled(wrap(state)))
        for storage in storages:
            archive.writestr(f"archive/data/{storage.key}", storage.values.tobytes("A")[:kept])
    return file.getvalue()
