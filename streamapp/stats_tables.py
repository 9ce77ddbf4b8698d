"""The Faust tables of the role `stats`, and its checkpoints: what an offset changed is written before it is committed.

Faust's own way, one changelog record for each change, would write an image's race three times and a bucket with every
answer. Here changes wait in memory (`tables.shelf`) and a checkpoint writes the newest value of each: the races, and
when the broker has those, the buckets and totals that have not been written for a while. Offsets are committed after
the races, so a killed worker's successor reads again what the tables do not have. That a race is over is written last:
until then its journal alone may know what it changed in them.

A worker that was frozen, or cut off, and is back does not know that its partitions may be another's by now: it writes
only as long as the group is sure to count it in (`streamapp.membership.Lease`).
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from faust.transport.consumer import ensure_TP
from faust.types import TP
from faust.types.tuples import FutureMessage

from streamapp.backing import TableBacking
from streamapp.transport import PacedConsumer, PacedTransport
from tables.book import Book
from tables.shelf import Shelf, Write

log = logging.getLogger(__name__)

#: Buckets and totals are written this long after their first change; until then the races' journals know it.
LATE_S = 10.0
#: Longest wait for the broker to take one batch of a checkpoint.
WRITE_S = 5.0
#: Records of one batch; more would fill Faust's send buffer, which then holds up the streams.
BATCH = 64


class Checkpoints:
    """Writes the book's changes. Between two rebalances only: `begin` and `end` say when partitions are ours; while
    they are, `holds_lease` says whether that is sure.
    """

    def __init__(self, book: Book, holds_lease: Callable[[], bool]) -> None:
        self.book = book
        self._holds_lease = holds_lease
        self.active = False
        self.generation = 0
        self._lock = asyncio.Lock()

    @property
    def writable(self) -> bool:
        """Whether the tables are ours for sure."""
        return self.active and self._holds_lease()

    def begin(self) -> None:
        """The tables are recovered and ours."""
        self.active = True

    def end(self) -> None:
        """Partitions are about to move: write nothing more, another worker may own the tables."""
        self.active = False
        self.generation += 1

    async def write(self) -> bool:
        """Write the changes so far. True if every race is on the broker, so that offsets can be committed.

        What was processed before a rebalance and not written is forgotten, so its offsets never can.
        """
        generation = self.generation
        async with self._lock:
            book, now = self.book, time.time()
            if not self.writable or generation != self.generation:
                return False
            # All are taken at the same moment: a bucket on the broker has nothing that its race has not.
            races = book.races.take(now, now - LATE_S)
            first = [write for write in races if write.value is not None]
            later: list[tuple[Shelf[Any], list[Write]]] = [
                (book.buckets, book.buckets.take(now - LATE_S)),
                (book.totals, book.totals.take(now - LATE_S)),
                (book.races, [write for write in races if write.value is None]),
            ]
            written = complete = await self._write(book.races, first)
            for shelf, writes in later:
                if complete:
                    complete = await self._write(shelf, writes)
                elif generation == self.generation:
                    shelf.failed(writes, now)
            return written

    async def _write(self, shelf: Shelf[Any], writes: list[Write]) -> bool:
        """Write these, a batch at a time; false if the broker has not taken all of them, which then stay to do."""
        waiting, generation = list(writes), self.generation
        try:
            while waiting and generation == self.generation:
                batch, rest = waiting[:BATCH], waiting[BATCH:]
                kept = await self._write_batch(shelf, batch)
                waiting = [write for write in batch if write.key not in kept] + rest
                if len(waiting) > len(rest):
                    log.warning("the broker did not take %d changes of the tables", len(waiting) - len(rest))
                    return False
            return generation == self.generation
        finally:
            if generation == self.generation:
                shelf.failed(waiting, time.time())

    async def _write_batch(self, shelf: Shelf[Any], batch: list[Write]) -> set[str]:
        """Send these to the changelog and keep in the table's store what the broker has taken; returns its keys."""
        backing, generation = cast(TableBacking, shelf.backing), self.generation
        sent = [backing.send(write) for write in batch]
        await asyncio.wait(sent, timeout=WRITE_S)
        written = [(write, future.result()) for write, future in zip(batch, sent, strict=True) if _is_sent(future)]
        if generation == self.generation:
            if not self.writable:  # kept, they would stand behind records of another worker that we have not read
                return set()
            backing.keep(written)
            shelf.kept([write for write, _ in written])
        return {write.key for write, _ in written}


def _is_sent(future: FutureMessage) -> bool:
    if future.done():
        return future.exception() is None
    future.add_done_callback(lambda late: late.exception())  # looked at, or asyncio complains
    return False


class CheckpointedConsumer(PacedConsumer):
    """Faust's consumer, with a checkpoint before every commit, and one that goes back to where it must."""

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go back to the committed offsets, which are returned, and to the beginning where there are none.

        aiokafka leaves a partition where it is when nothing, or 0, is committed for it. Faust drops what it fetches
        in the middle of a rebalance, goes back, and would lose the first messages of such a partition.
        """
        committed: Mapping[TP, int] = await super().seek_to_committed()
        fresh = [ensure_TP(tp) for tp, offset in committed.items() if not offset]
        await self.seek_wait({tp: 0 for tp in fresh if not self._is_changelog_tp(tp)})
        return committed

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        # Faust calls this with the offsets that it has chosen: what is processed from now on is not among them.
        generation, checkpoints = (
            self.app.consumer_generation_id,
            cast(CheckpointedTransport, self.transport).checkpoints,
        )
        if await checkpoints.write():
            return await super()._commit_offsets(offsets, start_new_transaction)
        if generation == self.app.consumer_generation_id and checkpoints.active:
            log.warning("the tables could not be written; their offsets are not committed yet")
            self._put_back(offsets)
        return False

    def _put_back(self, offsets: Mapping[TP, int]) -> None:
        """Faust has taken these off its list: the last message of each is on it again, as if all before it were
        committed, and so its next commit tries them again, also where no other message comes.
        """
        for tp, offset in offsets.items():
            last = offset - 1
            self._committed_offset[tp] = last
            if last not in self._acked_index[tp]:
                self._acked_index[tp].add(last)
                self._acked[tp].append(last)


class CheckpointedTransport(PacedTransport):
    """The transport with that consumer."""

    Consumer = CheckpointedConsumer

    def __init__(self, *args: Any, checkpoints: Checkpoints, **options: Any) -> None:
        super().__init__(*args, **options)
        self.checkpoints = checkpoints
