"""CIFAR-10 with its labels: from a zip or folder `<split>/<class>/<file>`, or by the loader of Keras and its cache."""

import os
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from streamapp.errors import SourceError
from streamapp.files import PICTURES, open_place
from streamapp.ingest.produce.client import Picture

#: The classes in the order of the data set's numbers (https://www.cs.toronto.edu/~kriz/cifar.html).
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SPLITS = ("train", "test")
DOWNLOAD_HOST = ("www.cs.toronto.edu", 443)
#: No byte for this long, in seconds, and the download has failed.
DOWNLOAD_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class DataSet:
    """Labelled pictures that are read one by one."""

    size: int
    picture: Callable[[int], Picture]

    def pictures(self, limit: int = 0, seed: int | None = None) -> Iterator[Picture]:
        """The pictures, mixed by `seed` unless it is None; at most `limit` of them unless it is 0."""
        order = list(range(self.size))
        if seed is not None:
            random.Random(seed).shuffle(order)
        yield from map(self.picture, order[: limit or None])


def from_files(place: Path, split: str = "") -> DataSet:
    """The data set in a zip or a folder laid out as `<split>/<class>/<file>`; `split` "" takes all of it.

    Raises:
        SourceError: there is nothing, or it is laid out otherwise.
    """
    names, read = open_place(place)
    chosen = [name for name in names if _is_picture(PurePosixPath(name), split)]
    if not chosen:
        wanted = f"{split or '<split>'}/<class>/<file>.jpg"
        raise SourceError(
            f"{place} holds no picture laid out as {wanted}, where <class> is one of {', '.join(CLASSES)}"
        )
    return DataSet(len(chosen), lambda index: _file(chosen[index], read))


def _is_picture(name: PurePosixPath, split: str) -> bool:
    parts = name.parts
    if len(parts) < 3 or name.suffix.lower() not in PICTURES:
        return False
    return parts[-2] in CLASSES and split in ("", parts[-3])


def _file(name: str, read: Callable[[str], bytes]) -> Picture:
    path = PurePosixPath(name)
    try:
        return Picture(read(name), path.name, "cifar10", path.parent.name)
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error}") from error


def keras_cache() -> Path:
    """The archive that the loader of Keras keeps; it downloads again where only the unpacked files are left."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "datasets" / "cifar-10-batches-py-target_archive"


def from_keras(split: str = "") -> DataSet:
    """The data set by the loader of Keras, which downloads it (170 MB) unless its cache has it.

    Raises:
        SourceError: there is no such split, or it is neither in the cache nor can it be downloaded.
    """
    if split not in ("", *SPLITS):
        raise SourceError(f"CIFAR-10 has no split {split!r}: choose one of {', '.join(SPLITS)}")
    if not keras_cache().is_file():
        check_network()
    parts = dict(zip(SPLITS, _load(), strict=True))
    return _from_arrays([parts[name] for name in ([split] if split else SPLITS)])


def check_network() -> None:
    """Fail now, not in minutes, where there is no network.

    Raises:
        SourceError: the data set's server does not answer; the text says how to do without.
    """
    try:
        socket.create_connection(DOWNLOAD_HOST, DOWNLOAD_TIMEOUT_S / 2).close()
    except OSError as error:
        raise SourceError(
            f"CIFAR-10 is not in the cache of Keras and cannot be downloaded from {DOWNLOAD_HOST[0]} ({error}); "
            "give a zip or folder laid out as <split>/<class>/<file> with --data"
        ) from error


def _load() -> Any:
    """What `keras.datasets.cifar10.load_data()` returns, without importing TensorFlow."""
    os.environ.setdefault("KERAS_BACKEND", "openvino")
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_S)  # Keras downloads with urllib and sets none
    try:
        from keras.datasets import cifar10

        return cifar10.load_data()
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise SourceError(f"Keras cannot load CIFAR-10 ({error}); give a zip or folder with --data") from error
    finally:
        socket.setdefaulttimeout(before)


def _from_arrays(parts: Sequence[tuple[Any, Any]]) -> DataSet:
    """Arrays of pixels (uint8 `[N, 32, 32, 3]`) and of class numbers (`[N, 1]`), encoded as PNG without any loss."""
    places = [(part, row) for part, (pixels, _) in enumerate(parts) for row in range(len(pixels))]

    def picture(index: int) -> Picture:
        part, row = places[index]
        pixels, labels = parts[part]
        file = BytesIO()
        Image.fromarray(pixels[row]).save(file, "PNG")
        return Picture(file.getvalue(), f"{index:05d}.png", "cifar10", CLASSES[int(labels[row][0])])

    return DataSet(len(places), picture)
