"""Random changes to training pictures, on whole batches of bytes; each is the same for the same generator."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Batch = npt.NDArray[np.uint8]
Random = np.random.Generator

#: Padding of the random crop, in parts of the side (4 of 32 pixels: Krizhevsky, 2012, and He et al., 2015).
PADDING = 1 / 8
#: Brightness and contrast change by up to this factor.
JITTER = 0.2
#: Share of the pictures with an erased rectangle, and its longest side in parts of the picture's (arXiv:1708.04896).
ERASED_SHARE = 0.25
ERASED_SIDE = 0.4


def flip(batch: Batch, random: Random) -> Batch:
    """Mirror half of the pictures, left to right."""
    mirrored = random.random(len(batch)) < 0.5
    return np.where(mirrored[:, None, None, None], batch[:, :, ::-1], batch)


def crop(batch: Batch, random: Random) -> Batch:
    """Move each picture by up to an eighth of its side; what comes in from outside is mirrored at the edge."""
    count, size = len(batch), batch.shape[1]
    padding = round(size * PADDING)
    padded = np.pad(batch, ((0, 0), (padding, padding), (padding, padding), (0, 0)), mode="reflect")
    top, left = random.integers(0, 2 * padding + 1, (2, count))
    moved = np.empty_like(batch)
    for index in range(count):
        moved[index] = padded[index, top[index] : top[index] + size, left[index] : left[index] + size]
    return moved


def jitter(batch: Batch, random: Random) -> Batch:
    """Change brightness and contrast of each picture, by a table of 256 values each."""
    contrast, brightness = 1 + random.uniform(-JITTER, JITTER, (2, len(batch), 1))
    table = (np.arange(256) - 128) * contrast + 128 * brightness
    table = np.clip(np.rint(table), 0, 255).astype(np.uint8)
    return np.stack([row[picture] for row, picture in zip(table, batch, strict=True)])


def erase(batch: Batch, random: Random) -> Batch:
    """Replace a rectangle of some pictures by noise."""
    size = batch.shape[1]
    erased = batch.copy()
    for index in np.flatnonzero(random.random(len(batch)) < ERASED_SHARE):
        height, width = random.integers(1, max(2, round(size * ERASED_SIDE)) + 1, 2)
        top, left = random.integers(0, size - height + 1), random.integers(0, size - width + 1)
        noise = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        erased[index, top : top + height, left : left + width] = noise
    return erased


Step = Callable[[Batch, Random], Batch]
#: What is done to each batch, in order: `light` for trainings of few epochs.
KINDS: Mapping[str, Sequence[Step]] = {"none": (), "light": (flip, crop), "full": (flip, crop, jitter, erase)}


def augment(batch: Batch, random: Random, kind: str) -> Batch:
    """The steps of one of `KINDS`; uint8 [N, size, size, 3] in and out, the argument stays as it is."""
    for step in KINDS[kind]:
        batch = step(batch, random)
    return batch
