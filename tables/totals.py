"""The table `totals`: answers, errors and frames left out of each model since the beginning."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from tables.changes import Change


@dataclass(slots=True)
class Total:
    """What one model has done on one partition since the beginning; it never expires."""

    model: str
    partition: int
    predictions: int = 0
    errors: int = 0
    last_offset: dict[str, int] = field(default_factory=dict)
    shed: int = 0

    @property
    def key(self) -> str:
        """Its key in the table, `model:partition`."""
        return f"{self.model}:{self.partition}"

    def apply(self, changes: Sequence[Change]) -> bool:
        """Count what one message changed here; false, and nothing changes, if it is counted already."""
        source, offset = changes[0].source, changes[0].offset
        if self.last_offset.get(source, -1) >= offset:
            return False
        self.last_offset[source] = offset
        self.predictions += sum(change.predictions for change in changes)
        self.errors += sum(change.errors for change in changes)
        self.shed += sum(change.shed for change in changes)
        return True

    def to_json(self) -> bytes:
        """For the table: with the offsets."""
        return orjson.dumps([self.predictions, self.errors, self.last_offset, self.shed])

    @classmethod
    def from_json(cls, key: str, value: bytes) -> "Total":
        """From a key and `to_json`."""
        model, _, partition = key.rpartition(":")
        return cls(model, int(partition), *orjson.loads(value))

    def figures(self) -> dict[str, int]:
        """What is published of it."""
        return {"predictions": self.predictions, "errors": self.errors, "shed": self.shed}
