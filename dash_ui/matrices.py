"""Who says what of the same images: agreement, confusion and calibration, as the API has counted them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dash_ui.asks import Ask
from dash_ui.client import API
from dash_ui.distributions import MINUTES
from dash_ui.language import say
from dash_ui.past import cell, wilson
from dash_ui.texts import count


@dataclass(frozen=True)
class Bin:
    """Of the answers with a confidence in one tenth: how many, how many right, and their mean confidence."""

    answers: int
    correct: int
    confidence: float

    @property
    def accuracy(self) -> float:
        """The share that is right."""
        return self.correct / self.answers


@dataclass(frozen=True)
class Comparison:
    """What the models made of `images`; `sampled`: of the newest of them.

    `agreement` has for two models on how many images they said the same, and of how many; `confusion` for each model
    how often an image of a class (first) was taken for another one (second).
    """

    images: int
    sampled: bool
    agreement: Mapping[tuple[str, str], tuple[int, int]]
    confusion: Mapping[str, Mapping[tuple[str, str], int]]
    bins: Mapping[str, Sequence[Bin]]

    def agree(self, one: str, other: str) -> float | None:
        """The share of images on which two models say the same; None where they never answered both."""
        if one == other:
            return 1.0
        same, images = self.agreement.get((one, other)) or self.agreement.get((other, one)) or (0, 0)
        return same / images if images else None


def ask(name: str) -> Ask:
    """The comparison of a window."""
    minutes, every_s = MINUTES[name]
    return Ask(f"{API}/stats/comparison", (("minutes", str(minutes)),), every_s=every_s)


def parse(data: Mapping[str, Any]) -> Comparison:
    """An answer of the API."""
    models = {str(each["model"]): each for each in data["models"]}
    return Comparison(
        images=int(data["images"]),
        sampled=bool(data["sampled"]),
        agreement={(each["model"], each["other"]): (each["same"], each["images"]) for each in data["agreement"]},
        confusion={
            model: {(each["label"], each["prediction"]): each["images"] for each in found["confusion"]}
            for model, found in models.items()
        },
        bins={
            model: [Bin(each["answers"], each["correct"], each["confidence"]) for each in found["calibration"]]
            for model, found in models.items()
        },
    )


def words(compared: Comparison) -> str:
    """How many images there are, and whether the window has more."""
    key = "compare.sample_newest" if compared.sampled else "compare.sample"
    return say(key, n=compared.images, number=count(compared.images))


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """The expected calibration error: the mean distance of confidence and accuracy, weighted by the answers.

    Guo et al. 2017, https://arxiv.org/abs/1706.04599, equation 3. None without an answer.
    """
    answers = sum(each.answers for each in bins)
    return sum(each.answers * abs(each.confidence - each.accuracy) for each in bins) / answers if answers else None


def _agreement(compared: Comparison) -> Iterator[tuple[Any, ...]]:
    for (one, other), (same, images) in sorted(compared.agreement.items()):
        yield one, other, images, same, same / images


def _calibration(compared: Comparison) -> Iterator[tuple[Any, ...]]:
    for model, bins in sorted(compared.bins.items()):
        for each in bins:
            yield model, each.answers, each.correct, each.confidence, each.accuracy, *wilson(each.correct, each.answers)


def _confusion(compared: Comparison) -> Iterator[tuple[Any, ...]]:
    for model, counts in sorted(compared.confusion.items()):
        for (label, said), images in sorted(counts.items()):
            yield model, label, said, images


#: What can be saved, with its columns.
TABLES: dict[str, tuple[tuple[str, ...], Callable[[Comparison], Iterator[tuple[Any, ...]]]]] = {
    "agreement": (("model", "other", "images", "same", "share"), _agreement),
    "calibration": (("model", "answers", "correct", "confidence", "accuracy", "low", "high"), _calibration),
    "confusion": (("model", "label", "answer", "images"), _confusion),
}


def csv(name: str) -> Callable[[Mapping[str, Any]], Iterable[str]]:
    """How a table of `TABLES` is written as lines of CSV, from an answer of the API."""
    columns, rows = TABLES[name]

    def lines(data: Mapping[str, Any]) -> Iterable[str]:
        for row in (columns, *rows(parse(data))):
            yield ",".join(map(cell, row)) + "\r\n"

    return lines
