"""How good a classifier is, and how sure one can be of that; pure arithmetic on labels and answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

#: The normal distribution's 97.5 % quantile, for intervals of 95 %.
Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Rate:
    """Right answers among all, with a 95 % interval."""

    correct: int
    total: int

    @property
    def value(self) -> float:
        """The share of right answers, 0 to 1; 0 where there are none at all."""
        return self.correct / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval of 95 %."""
        return wilson(self.correct, self.total)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.2%} ({low:.2%} to {high:.2%}, {self.correct:,} of {self.total:,})"


@dataclass(frozen=True)
class Evaluation:
    """Top-1 accuracy, the same per class, and the confusion matrix [true class, predicted class]."""

    labels: tuple[str, ...]
    confusion: npt.NDArray[np.int64]

    @property
    def accuracy(self) -> Rate:
        """Over all classes."""
        return Rate(int(np.trace(self.confusion)), int(self.confusion.sum()))

    @property
    def per_class(self) -> dict[str, Rate]:
        """Among the pictures of each class (recall)."""
        return {
            label: Rate(int(self.confusion[index, index]), int(self.confusion[index].sum()))
            for index, label in enumerate(self.labels)
        }

    def to_json(self) -> dict[str, Any]:
        """All of it, for a file."""
        rate = self.accuracy
        return {
            "accuracy": rate.value,
            "interval_95": list(rate.interval),
            "correct": rate.correct,
            "pictures": rate.total,
            "per_class": {label: rate.value for label, rate in self.per_class.items()},
            "confusion": self.confusion.tolist(),
        }


def wilson(correct: int, total: int, z: float = Z_95) -> tuple[float, float]:
    """The score interval of a proportion (E. B. Wilson, 1927, J. Am. Stat. Assoc. 22, 209–212).

    Unlike the textbook interval it stays between 0 and 1 and is not empty at either end. Without trials: (0, 1).
    """
    if not total:
        return 0.0, 1.0
    share, spread = correct / total, z * z / total
    centre = (share + spread / 2) / (1 + spread)
    half = z * sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def evaluate(truth: npt.NDArray[np.int64], probabilities: npt.NDArray[Any], labels: Sequence[str]) -> Evaluation:
    """Compare answers, [N, classes], with the true classes' numbers, [N]."""
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (truth, probabilities.argmax(axis=1)), 1)
    return Evaluation(tuple(labels), confusion)
