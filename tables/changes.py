"""What one message changes in the aggregates: the entries of a race's journal."""

from typing import NamedTuple

from streamapp.records import Prediction

#: Sources of changes: the topics, by one letter, since each has its own offsets.
PREDICTION, DEAD_LETTER, LABEL, TICK = "p", "d", "l", "t"


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
    prediction: Prediction | None = None
