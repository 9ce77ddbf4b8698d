"""What an answer, or an ensemble, counts for in its bucket, and the change from one such part to another."""

from collections.abc import Mapping
from dataclasses import dataclass

from tables.changes import Change


@dataclass(slots=True)
class Mark:
    """What an answer or an ensemble counts for in its bucket, apart from times and confidence."""

    start: int
    predictions: int = 0
    labelled: int = 0
    correct: int = 0


def difference(model: str, source: str, offset: int, before: Mark, after: Mark) -> Change | None:
    """What must be changed in the bucket; nothing where both marks count the same."""
    change = Change(
        model,
        after.start,
        source,
        offset,
        predictions=after.predictions - before.predictions,
        labelled=after.labelled - before.labelled,
        correct=after.correct - before.correct,
    )
    return change if change.predictions or change.labelled or change.correct else None


def relabelled(source: str, offset: int, before: Mapping[str, Mark], after: Mapping[str, Mark]) -> list[Change]:
    """What a label, or its end, changes in the buckets of the answers: their marks by model, labelled ones only."""
    unlabelled = {model: Mark(mark.start, 1) for model, mark in {**before, **after}.items()}
    return [
        change
        for model, mark in unlabelled.items()
        if (change := difference(model, source, offset, before.get(model, mark), after.get(model, mark)))
    ]
