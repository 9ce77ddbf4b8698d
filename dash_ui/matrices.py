"""Who says what: confusion, agreement and calibration, counted over a sample of races. Pure counting."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dash_ui.data import Race

BINS = 10


@dataclass(frozen=True)
class Calibration:
    """Of the answers with a confidence in a bin: how many, their mean confidence, and the share that is right."""

    count: int
    confidence: float
    accuracy: float


def confusion(races: Iterable[Race], model: str) -> Counter[tuple[str, str]]:
    """How often an image of a class (first) was taken for another one (second)."""
    return Counter(
        (race.label, answer.prediction)
        for race in races
        if race.label
        for answer in race.answers
        if answer.model == model
    )


def agreement(races: Iterable[Race], one: str, other: str) -> float | None:
    """The share of images on which two models say the same; None where they never answered both."""
    pairs = [
        (said[one], said[other])
        for race in races
        if {one, other} <= (said := {answer.model: answer.prediction for answer in race.answers}).keys()
    ]
    return sum(a == b for a, b in pairs) / len(pairs) if pairs else None


def calibration(races: Iterable[Race], model: str) -> list[Calibration]:
    """The bins of a reliability diagram that have an answer (Guo et al. 2017, https://arxiv.org/abs/1706.04599)."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for race in races:
        for answer in race.answers:
            if race.label and answer.model == model:
                place = min(int(answer.confidence * BINS), BINS - 1)
                bins[place].append((answer.confidence, answer.prediction == race.label))
    return [
        Calibration(len(each), sum(c for c, _ in each) / len(each), sum(right for _, right in each) / len(each))
        for each in bins
        if each
    ]


def calibration_error(bins: Sequence[Calibration]) -> float | None:
    """The expected calibration error: the mean distance of confidence and accuracy, weighted by the answers."""
    answers = sum(each.count for each in bins)
    return sum(each.count * abs(each.confidence - each.accuracy) for each in bins) / answers if answers else None
