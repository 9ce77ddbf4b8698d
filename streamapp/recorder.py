"""The recorder: stores what six topics carry, in batches, and acknowledges it only then, in order."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from streamapp.batcher import Batcher
from streamapp.errors import RowRefused, StoreUnavailable
from streamapp.metrics import Metrics
from streamapp.recorded import Event, Item, cleaned, letter, read, rows
from streamapp.records import DeadLetter
from streamapp.settings import Settings
from streamapp.storage.rows import Rows

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
#: Longest time that a stopping recorder tries to store what it has.
DRAIN_S = 8.0


class Store(Protocol):
    """The part of `Database` that is needed here."""

    async def store(self, rows: Rows) -> dict[str, int]: ...  # noqa: D102


class Recorder:
    """`submit` events in their order; `run` stores and acknowledges them; `stop` ends it with nothing half done.

    Args:
        settings: `batch_rows` and `batch_wait_s`.
        db: where rows are stored.
        dead_letter: sends a dead letter and returns when the broker has it.
        metrics: rows, batch times, failures, dead letters.
    """

    def __init__(
        self, settings: Settings, db: Store, dead_letter: Callable[[DeadLetter], Awaitable[None]], metrics: Metrics
    ) -> None:
        self._batcher: Batcher[Item] = Batcher(settings.batch_rows, settings.batch_wait_s)
        self._db = db
        self._dead_letter = dead_letter
        self._metrics = metrics
        self._outage_since: float | None = None
        self._task: asyncio.Task[Any] | None = None
        self._ended = asyncio.Event()

    @property
    def held(self) -> int:
        """Rows' room that is taken by events which are not acknowledged."""
        return self._batcher.held

    async def submit(self, event: Event) -> None:
        """Take an event; waits while two batches are held that are not stored, and for ever after `stop`."""
        await self._batcher.put(read(event))

    async def run(self) -> None:
        """Store batch after batch until `stop`. What it raises is a defect; the batch is not acknowledged then."""
        self._task = asyncio.current_task()
        try:
            while batch := await self._batcher.next():
                await self._finish(batch)
        finally:
            self._ended.set()

    async def stop(self, timeout_s: float = DRAIN_S) -> None:
        """Take nothing more, and store what was taken; what is not stored in time comes again after the restart."""
        self._batcher.close()
        try:
            await asyncio.wait_for(self._ended.wait(), timeout_s)
        except TimeoutError:
            log.warning("%d rows could not be stored in time; they will be recorded later", self.held)
            if self._task:
                self._task.cancel()

    async def _finish(self, batch: list[Item]) -> None:
        await self._record([item for item in batch if item.record])
        for item in batch:
            if item.letter:
                await self._send(item.letter)
        for item in batch:
            item.event.ack()
        self._batcher.release(batch)

    async def _record(self, items: Sequence[Item]) -> None:
        """Store the records of these items; those that PostgreSQL refuses are found by halving the batch."""
        if not items:
            return
        try:
            await self._store(rows(items))
        except RowRefused as error:
            if len(items) == 1:
                await self._refused(items[0], error)
            else:
                middle = len(items) // 2
                await self._record(items[:middle])
                await self._record(items[middle:])

    async def _store(self, batch: Rows) -> None:
        """Store a batch, however long the database is away. Raises RowRefused."""
        delay = FIRST_PAUSE_S
        while True:
            started = time.perf_counter()
            try:
                sent = await self._db.store(batch)
            except StoreUnavailable as error:
                self._unavailable(error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, LONGEST_PAUSE_S)
            else:
                self._metrics.record_batch_seconds.observe(time.perf_counter() - started)
                self._stored(sent)
                return

    def _unavailable(self, error: StoreUnavailable) -> None:
        self._metrics.store_failures.labels("postgres").inc()
        if self._outage_since is None:
            self._outage_since = time.monotonic()
            log.warning("%s; nothing is lost, recording goes on when it is back", error)

    def _stored(self, sent: dict[str, int]) -> None:
        for table, count in sent.items():
            self._metrics.recorded_rows.labels(table).inc(count)
        if self._outage_since is not None:
            log.warning("PostgreSQL is back after %.1f s; recording goes on", time.monotonic() - self._outage_since)
            self._outage_since = None

    async def _refused(self, item: Item, error: RowRefused) -> None:
        """A row that can never be stored becomes a dead letter; a dead letter is stored in a form that can be."""
        if not isinstance(item.record, DeadLetter):
            await self._send(letter(item.event, "record", "row-refused", error, item.record))
            return
        log.error("A dead letter cannot be stored as it is, so its text is cleaned: %s", error)
        try:
            await self._store(Rows(dead_letters=[cleaned(item.record)]))
        except RowRefused as again:
            log.error("Nor can it be stored cleaned, so only its bytes are: %s", again)
            await self._store(Rows(dead_letters=[letter(item.event, "record", "row-refused", again)]))

    async def _send(self, dead: DeadLetter) -> None:
        log.warning(
            "%s/%d/%d: %s in %s: %s", dead.topic, dead.partition, dead.offset, dead.reason, dead.stage, dead.error
        )
        await self._dead_letter(dead)
        self._metrics.dead_letters.labels(dead.model or "", dead.stage).inc()
