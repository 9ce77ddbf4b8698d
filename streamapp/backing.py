"""The Faust tables of the role `stats`: the records of their changelogs, written and read."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import faust
from faust.types import EventT, RecordMetadata
from faust.types.tuples import FutureMessage, Message

from tables import races
from tables.shelf import Write

log = logging.getLogger(__name__)


class TableBacking:
    """A Faust table of bytes as the backing of a shelf."""

    def __init__(self, app: faust.App, name: str, partitions: int) -> None:
        self.table: Any = app.Table(name, key_type=bytes, value_type=bytes, partitions=partitions)

    def get(self, key: str) -> bytes | None:
        """The value as the table has it."""
        value: bytes | None = self.table.data.get(key.encode())
        return value

    def forget(self, key: str) -> None:
        """Drop it from the store, not from the changelog."""
        self.table.data.pop(key.encode(), None)

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Everything in the store."""
        return ((key.decode(), value) for key, value in self.table.data.items())

    def send(self, write: Write) -> FutureMessage:
        """Send one record to the changelog.

        Not by the table's own `send_changelog`: that would note the record's offset as persisted when the broker has
        it, and a worker that is killed before `keep` would never read it again.
        """
        sent: FutureMessage = self.table.changelog_topic.send_soon(
            key=write.key.encode(),
            value=write.value,
            partition=write.partition,
            key_serializer="raw",
            value_serializer="raw",
        )
        return sent

    def keep(self, written: Sequence[tuple[Write, RecordMetadata]]) -> None:
        """Put records into the store that are in the changelog now, exactly as a recovery would."""
        self.table.apply_changelog_batch([self._event(write, at) for write, at in written])

    def _event(self, write: Write, at: RecordMetadata) -> EventT:
        key = write.key.encode()
        message = Message(at.topic, at.partition, at.offset, time.time(), 0, None, key, write.value, None)
        event: EventT = self.table.app.create_event(key, write.value, {}, message)
        return event


class RaceBacking(TableBacking):
    """The table of races, whose changelog is read with care.

    What a worker has sent that was cut off then may reach the broker after the worker that took its place has written
    more: a race never knows less than it has known.
    """

    def __init__(self, app: faust.App, name: str, partitions: int) -> None:
        super().__init__(app, name, partitions)
        self._apply = self.table.apply_changelog_batch
        self.table.apply_changelog_batch = self._apply_newer

    def _apply_newer(self, batch: Iterable[EventT]) -> None:
        known: dict[bytes, bytes | None] = {}
        newer = []
        for event in batch:
            key, value = cast(bytes, event.message.key), event.message.value
            before = known[key] if key in known else self.table.data.get(key)
            if before and value and races.progress(value) < races.progress(before):
                log.warning("the changelog has an older race %s behind a newer one", key.decode())
                continue
            known[key] = value
            newer.append(event)
        self._apply(newer)
