"""What one message changes in the aggregates: the entries of a race's journal."""

from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple, TypeVar

from streamapp.records import Prediction

K = TypeVar("K", bound=Hashable)
#: Sources of changes: the topics, by one letter, since each has its own offsets.
PREDICTION, DEAD_LETTER, LABEL, TICK, SHED = "p", "d", "l", "t", "s"


class Change(NamedTuple):
    """A message's part in one model's bucket (the one that starts at `start`) and in its totals.

    `prediction` is set where the change is a first answer: its times and its confidence count too.
    """

    model: str
    start: int
    source: str
    offset: int
    predictions: int = 0
    errors: int = 0
    labelled: int = 0
    correct: int = 0
    shed: int = 0
    prediction: Prediction | None = None


def grouped(changes: Iterable[Change], key: Callable[[Change], K]) -> Iterable[tuple[K, list[Change]]]:
    """Changes with the same key together, in their order."""
    groups: dict[K, list[Change]] = {}
    for change in changes:
        groups.setdefault(key(change), []).append(change)
    return groups.items()
