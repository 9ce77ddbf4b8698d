"""What the recorder makes of a message: a record to store, or a dead letter."""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from streamapp import topics
from streamapp.errors import RecordError
from streamapp.letters import dead_letter
from streamapp.records import (
    LIVE,
    DeadLetter,
    ImageMessage,
    LabelMessage,
    Prediction,
    Record,
    Shed,
    Verdict,
)
from streamapp.retries import Retry, is_for
from streamapp.storage.rows import Published, Rows

GROUP = "streamapp-recorder"
#: What each topic carries, and the field of `Rows` that it goes into.
KINDS: dict[str, tuple[type[Record], str]] = {
    topics.IMAGES: (ImageMessage, "images"),
    topics.PREDICTIONS: (Prediction, "predictions"),
    topics.VERDICTS: (Verdict, "verdicts"),
    topics.LABELS: (LabelMessage, "labels"),
    topics.DEAD_LETTERS: (DeadLetter, "dead_letters"),
    topics.SHED: (Shed, "shed"),
}
#: A message takes the room of one row for every 16 KiB that it has begun, with the original in its headers, so that
#: large ones cannot fill the memory.
ROW_BYTES = 16 * 1024


class Event(Protocol):
    """A message (`.topic`, `.partition`, `.offset`, `.value`) that is to be acknowledged."""

    @property
    def message(self) -> Any: ...  # noqa: D102  # explained above

    def ack(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True)
class Item:
    """An event with the record to store, or with the dead letter to send because it has none; with neither of them
    where the event is sent again for another group.
    """

    event: Event
    weight: int
    record: Record | None = None
    letter: DeadLetter | None = None


def read(event: Event) -> Item:
    """Decode an event's message by its topic. What cannot be decoded becomes a dead letter to send; where it is on the
    dead-letter topic itself, one to store, so that it does not go round and round.
    """
    message = event.message
    if not is_for(message, GROUP):
        return Item(event, 1)
    size = sum(len(part or b"") for part in (message.value, *dict(message.headers or ()).values()))
    weight = 1 + size // ROW_BYTES
    kind, _ = KINDS[message.topic]
    try:
        record = kind.decode(message.value)
        if isinstance(record, DeadLetter):
            b64decode(record.value, validate=True)
    except (RecordError, ValueError) as error:
        if message.topic == topics.DEAD_LETTERS:
            return Item(event, weight, record=letter(event, "decode", "undecodable", error))
        return Item(event, weight, letter=letter(event, "decode", "bad-message", error))
    return Item(event, weight, record=record)


def rows(items: Sequence[Item]) -> Rows:
    """The records of these items, by kind."""
    batch = Rows()
    for item in items:
        _, kind = KINDS[item.event.message.topic]
        record = item.record
        getattr(batch, kind).append(_placed(item, record) if isinstance(record, ImageMessage) else record)
    return batch


def _placed(item: Item, image: ImageMessage) -> Published:
    """An image at the place where all groups have read it, not where it was sent again for us."""
    message = item.event.message
    retry = Retry.of(message)
    return Published(image, message.partition, retry.offset if retry else message.offset)


def letter(
    event: Event, stage: Literal["decode", "record"], reason: str, error: object, record: Record | None = None
) -> DeadLetter:
    """The dead letter of an event; with the model of `record` too, it is this model's outcome for the image."""
    return dead_letter(
        event.message,
        group=GROUP,
        stage=stage,
        reason=reason,
        error=error,
        image_id=getattr(record, "image_id", None),
        model=getattr(record, "model", None),
        run_id=getattr(record, "run_id", LIVE),
    )


def cleaned(dead: DeadLetter) -> DeadLetter:
    """The same without the NUL characters that PostgreSQL's text cannot hold."""
    texts = {name: value.replace("\0", "") for name, value in dead if isinstance(value, str)}
    return dead.model_copy(update=texts)
