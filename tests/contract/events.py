"""Events as Faust gives them, with a note of who was acknowledged when."""

from dataclasses import dataclass, field
from typing import Any

from streamapp import topics
from streamapp.records import DeadLetter, ImageMessage, LabelMessage, Prediction, Record, Verdict

TOPICS: dict[type[Record], str] = {
    ImageMessage: topics.IMAGES,
    Prediction: topics.PREDICTIONS,
    Verdict: topics.VERDICTS,
    LabelMessage: topics.LABELS,
    DeadLetter: topics.DEAD_LETTERS,
}


@dataclass(frozen=True)
class FakeMessage:
    topic: str
    partition: int
    offset: int
    value: bytes | None
    headers: Any = None


@dataclass
class FakeEvent:
    message: FakeMessage
    acks: "list[FakeEvent]" = field(repr=False)

    def ack(self) -> bool:
        self.acks.append(self)
        return True


@dataclass
class Topic:
    """Makes events with rising offsets; `acks` are those that were acknowledged, in their order."""

    acks: list[FakeEvent] = field(default_factory=list)
    offset: int = 0

    def event(self, record: Record) -> FakeEvent:
        return self.raw(TOPICS[type(record)], record.encode())

    def raw(self, topic: str, value: bytes | None) -> FakeEvent:
        self.offset += 1
        return FakeEvent(FakeMessage(topic, 5, self.offset, value), self.acks)


def settings_for(rows: int, wait_s: float = 0.01) -> Any:
    """Settings of a recorder with small batches."""
    from streamapp.settings import Settings

    return Settings(batch_rows=rows, batch_wait_s=wait_s)
