"""What the role `stats` publishes: verdicts as races close, changed figures once a second, ticks when time is up."""

import asyncio
import logging
import time
from itertools import islice

import orjson
from aiokafka.errors import MessageSizeTooLargeError

from streamapp import topics
from streamapp.errors import PublishFailed
from streamapp.metrics import Metrics
from streamapp.publish import publish
from streamapp.records import Tick, now
from streamapp.stats_tables import Checkpoints
from streamapp.stream import StreamApp, raw_topic
from tables import races
from tables.book import Book

log = logging.getLogger(__name__)

#: Messages whose acknowledgements are awaited together.
AT_ONCE = 64
#: While more verdicts than this are waiting, no more messages are taken.
MOST_WAITING = 512
#: A tick that nobody has read after this time is sent again.
TICK_AGAIN_S = 10.0
#: Totals are published at least this often, for readers whose topic has lost its beginning.
TOTALS_S = 60.0
PAUSE_S = 0.5


class Feed:
    """The publishing side. It falls silent as soon as a rebalance begins: a figure that is published afterwards could
    be older than what the partition's next worker says.
    """

    def __init__(self, app: StreamApp, book: Book, checkpoints: Checkpoints, metrics: Metrics) -> None:
        self.app = app
        self.book = book
        self.checkpoints = checkpoints
        self.metrics = metrics
        self.owned: set[int] = set()
        self.ticked: dict[int, float] = {}
        self.verdicts = raw_topic(app, topics.VERDICTS)
        self.partials = raw_topic(app, topics.STATS_PARTIALS)
        self.ticks = raw_topic(app, topics.STATS_TICKS)
        self._wake, self._room = asyncio.Event(), asyncio.Event()
        self._totals_due = 0.0

    def wake(self) -> None:
        """Races may owe a verdict."""
        if self.book.owing:
            self._wake.set()
        if len(self.book.owing) > MOST_WAITING:
            self._room.clear()
        else:
            self._room.set()

    @property
    def silent(self) -> bool:
        """Whether partitions are moving, may have moved, or are about to: we stop."""
        return self.app.should_stop or self.app.rebalancing or not self.checkpoints.writable

    async def catch_up(self) -> None:
        """Wait while too many verdicts are waiting."""
        await self._room.wait()

    # -- verdicts ----------------------------------------------------------------------------------

    async def publish_verdicts(self) -> None:
        """Publish what is owed, until the worker stops. The race remembers what the broker has acknowledged."""
        while not self.app.should_stop:
            await self._wake.wait()
            self._wake.clear()
            if self.silent:
                continue  # `beat` wakes us again
            keys = list(islice(self.book.owing, AT_ONCE))
            if not all(await asyncio.gather(*map(self._publish_verdict, keys))):
                await asyncio.sleep(PAUSE_S)
            self.wake()

    async def _publish_verdict(self, key: str) -> bool:
        race, generation = self.book.races.get(key), self.checkpoints.generation
        if race is None or race.settled_at is None:
            self.book.owing.pop(key, None)
            return True
        verdict, revision = races.verdict(race, self.book.expected, race.settled_at), race.revision
        try:
            await publish(self.verdicts, key.encode(), verdict.encode(), partition=race.partition)
        except PublishFailed as error:
            log.warning("%s; trying again", error)
            return False
        except MessageSizeTooLargeError as error:
            log.error("the verdict on image %s is too large to be published: %s", key, error)
        if generation == self.checkpoints.generation:
            self.book.published(key, revision, time.time())
        self.metrics.verdicts.labels(str(verdict.complete).lower()).inc()
        return True

    # -- once a second -----------------------------------------------------------------------------

    async def beat(self) -> None:
        """Tick, publish changed figures and write the tables, until the worker stops."""
        while not self.app.should_stop:
            await asyncio.sleep(self.app.settings.tick_s)
            if not self.silent:
                self.wake()
                await self.send_ticks(time.time())
                await self.publish_partials(time.time())
                await self.checkpoints.write()

    async def send_ticks(self, at: float) -> None:
        """Send a tick to each of our partitions on which something is due."""
        for partition in sorted(self.owned):
            if self.ticked.get(partition, 0) + TICK_AGAIN_S > at or not self.book.schedule.is_due(partition, at):
                continue
            self.ticked[partition] = at
            tick = Tick(partition=partition, timestamp=now())
            try:
                await publish(self.ticks, str(partition).encode(), tick.encode(), partition=partition)
            except PublishFailed as error:
                log.warning("%s; trying again in %g s", error, TICK_AGAIN_S)

    async def publish_partials(self, at: float) -> None:
        """Publish the buckets and totals that have changed, and all totals from time to time."""
        if at >= self._totals_due:
            self._totals_due = at + TOTALS_S
            totals = [key for key, _ in self.book.totals.backing.items()]
            self.book.changed |= {f"total|{key}": int(key.rpartition(":")[2]) for key in totals}
        generation, keys = self.checkpoints.generation, list(self.book.changed)
        while keys and not self.silent and generation == self.checkpoints.generation:
            batch, keys = keys[:AT_ONCE], keys[AT_ONCE:]
            if not all(await asyncio.gather(*map(self._publish_partial, batch))):
                return

    async def _publish_partial(self, key: str) -> bool:
        generation, partition = self.checkpoints.generation, self.book.changed.pop(key)
        kind, _, name = key.partition("|")
        if kind == "bucket":
            value = self.book.buckets.encoded(name)
        else:
            total = self.book.totals.get(name)
            value = orjson.dumps(total.figures()) if total else None
        try:
            await publish(self.partials, key.encode(), value, partition=partition)
        except PublishFailed as error:
            log.warning("%s; trying again", error)
            if generation == self.checkpoints.generation:
                self.book.changed.setdefault(key, partition)
            return False
        return True
