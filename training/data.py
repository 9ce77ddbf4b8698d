"""Labelled pictures for training: where they come from, how they are split, and what tells two data sets apart."""

import hashlib
import os
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from streamapp.errors import SourceError, TrainingError, UndecodableImage
from streamapp.files import PICTURES, open_place
from streamapp.runtime.preprocess import decode

#: Folder names of a split, as data sets in the wild have them.
SPLITS = {"train": "train", "test": "test", "validation": "validation", "valid": "validation", "val": "validation"}
#: The split never depends on the seed of a run, or one run would be tested on pictures that another was trained on.
SPLIT_SEED = 20091204
VALIDATION_SHARE = 0.05
TEST_SHARE = 0.10


@dataclass(frozen=True)
class Item:
    """One picture that has not been read yet; `name` is `<split>/<class>/<file>` and unique."""

    name: str
    split: str
    label: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Images:
    """Decoded pictures: `pixels` uint8 RGB [N, size, size, 3], `labels` int64 [N], numbers of classes."""

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Data:
    """The three parts, decoded, and the SHA-256 over the names and bytes of all of them."""

    train: Images
    validation: Images
    test: Images
    fingerprint: str


def split(items: Sequence[Item]) -> dict[str, list[Item]]:
    """Every picture in one of `train`, `validation`, `test`: by its folder, and what has no folder by a fixed seed.

    5 % of the training pictures become the validation set, and 10 % the test set, unless there is one already.
    """
    parts: dict[str, list[Item]] = {"train": [], "validation": [], "test": []}
    for item in sorted(items, key=lambda item: item.name):
        parts[SPLITS.get(item.split, "train")].append(item)
    rest = parts["train"]
    random.Random(SPLIT_SEED).shuffle(rest)
    for name, share in (("test", TEST_SHARE), ("validation", VALIDATION_SHARE)):
        if not parts[name] and rest:
            count = max(1, round(share * len(rest)))
            parts[name], rest[:] = rest[:count], rest[count:]
    return parts


def limited(parts: Mapping[str, Sequence[Item]], limit: int) -> dict[str, list[Item]]:
    """At most `limit` pictures of each part, mixed by the fixed seed; 0 keeps all."""
    return {name: _some(list(items), limit) for name, items in parts.items()}


def _some(items: list[Item], limit: int) -> list[Item]:
    random.Random(SPLIT_SEED).shuffle(items)
    return items[: limit or None]


def fingerprint(pictures: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256, in hexadecimal, over the sorted names of pictures, each followed by its bytes."""
    digest = hashlib.sha256()
    for name, data in sorted(pictures):
        digest.update(f"{name}\0{len(data)}\0".encode())  # with the length, no name can pass for bytes
        digest.update(data)
    return digest.hexdigest()


def load(parts: Mapping[str, Sequence[Item]], labels: Sequence[str], size: int, detail: int | None = None) -> Data:
    """Read and decode everything, as it is done for a picture that comes in live.

    Memory: 3 · size² bytes for each picture.

    Raises:
        TrainingError: a picture cannot be read or decoded, or there is none to train with.
    """
    if not parts["train"]:
        raise TrainingError(
            "the data has no pictures to train with: give the folder or zip that holds train/ with --data"
        )
    raw = {name: read(items) for name, items in parts.items()}
    decoded = {name: images(items, raw[name], labels, size, detail) for name, items in parts.items()}
    named = [(item.name, data) for name, items in parts.items() for item, data in zip(items, raw[name], strict=True)]
    return Data(decoded["train"], decoded["validation"], decoded["test"], fingerprint(named))


def images(items: Sequence[Item], raw: Sequence[bytes], labels: Sequence[str], size: int, detail: int | None) -> Images:
    """Decode pictures to size × size pixels, as `preprocess.decode` does with this `detail`, on all cores.

    Raises:
        TrainingError: one cannot be decoded; the text names it.
    """
    pixels = np.empty((len(items), size, size, 3), np.uint8)

    def fill(index: int) -> None:
        try:
            pixels[index] = decode(raw[index], size, detail)
        except UndecodableImage as error:
            raise TrainingError(f"{items[index].name}: {error}") from error

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(fill, range(len(items))):
            pass
    numbers = {label: number for number, label in enumerate(labels)}
    return Images(pixels, np.array([numbers[item.label] for item in items], np.int64))


def read(items: Sequence[Item]) -> list[bytes]:
    """The bytes of pictures.

    Raises:
        TrainingError: one cannot be read.
    """
    return [_bytes(item) for item in items]


def _bytes(item: Item) -> bytes:
    try:
        return item.read()
    except OSError as error:
        raise TrainingError(f"{item.name} cannot be read: {error}") from error


def find(places: Sequence[Path], labels: Sequence[str]) -> list[Item]:
    """The pictures in zips and folders laid out as `<split>/<class>/<file>`, or `<class>/<file>` without a split.

    Raises:
        TrainingError: a place does not exist, or holds no such picture.
    """
    return [item for place in places for item in _in_place(place, labels)]


def _in_place(place: Path, labels: Sequence[str]) -> list[Item]:
    try:
        names, reader = open_place(place)
    except SourceError as error:
        raise TrainingError(f"--data {error}") from error
    items = [_item(PurePosixPath(name), labels, reader) for name in names]
    found = [item for item in items if item is not None]
    if not found:
        classes = ", ".join(labels)
        raise TrainingError(f"--data {place} holds no picture <split>/<class>/<file>.jpg with <class> in {classes}")
    return found


def _item(name: PurePosixPath, labels: Sequence[str], reader: Callable[[str], bytes]) -> Item | None:
    parts = name.parts
    if len(parts) < 2 or name.suffix.lower() not in PICTURES or parts[-2] not in labels:
        return None
    part = parts[-3] if len(parts) > 2 else ""
    return Item(str(PurePosixPath(part, *parts[-2:])), part, parts[-2], lambda: reader(str(name)))


def from_keras(labels: Sequence[str]) -> list[Item]:
    """CIFAR-10 by the loader of Keras, which downloads it (170 MB) unless its cache has it.

    Raises:
        TrainingError: these are not the classes of CIFAR-10.
        SourceError: it can neither be found nor downloaded; the text says to use --data.
    """
    from streamapp.ingest.produce import cifar10

    if set(labels) != set(cifar10.CLASSES):
        raise TrainingError("the model's classes are not those of CIFAR-10; give a folder or zip with them with --data")
    items = []
    for part in ("train", "test"):
        pictures = cifar10.from_keras(part)
        for index in range(pictures.size):
            picture = pictures.picture(index)
            name = f"{part}/{picture.label}/{picture.filename}"
            items.append(Item(name, part, str(picture.label), partial(bytes, picture.data)))
    return items
