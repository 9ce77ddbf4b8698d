"""What `fit` reads: shuffled, augmented pictures with smoothed labels, the same again for the same seed and epoch."""

from typing import Any

import keras
import numpy as np

from training.augment import augment
from training.data import Images
from training.recipe import Recipe
from training.teacher import Teacher


class Batches(keras.utils.PyDataset):
    """The batches of one epoch: uint8 [N, size, size, 3] and the wanted probabilities, float32 [N, classes]."""

    def __init__(self, images: Images, recipe: Recipe, epoch: int, teacher: Teacher | None = None) -> None:
        super().__init__()
        self._images, self._recipe, self._epoch, self._teacher = images, recipe, epoch, teacher
        self._order = np.random.default_rng((recipe.seed, epoch)).permutation(len(images.labels))

    def __len__(self) -> int:
        return steps(len(self._images.labels), self._recipe.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        size = self._recipe.batch_size
        chosen = self._order[index * size : (index + 1) * size]
        random = np.random.default_rng((self._recipe.seed, self._epoch, index))
        pixels = augment(self._images.pixels[chosen], random, self._recipe.augment)
        wanted = smoothed(self._images.labels[chosen], len(self._recipe.labels), self._recipe.label_smoothing)
        if self._teacher is None:
            return pixels, wanted
        share, answers = self._recipe.teacher_share, self._teacher(pixels)
        return pixels, ((1 - share) * wanted + share * answers).astype(np.float32)


def steps(pictures: int, batch_size: int) -> int:
    """Batches in an epoch; the last one may be small, one alone would be too small for a BatchNorm."""
    return max(1, (pictures + batch_size - 2) // batch_size)


def smoothed(labels: Any, classes: int, smoothing: float) -> Any:
    """One-hot rows with a part of the certainty spread over all classes (Szegedy et al., 2015, arXiv:1512.00567)."""
    return (np.eye(classes)[labels] * (1 - smoothing) + smoothing / classes).astype(np.float32)
