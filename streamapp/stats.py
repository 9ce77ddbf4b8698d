"""The role `stats`: keeps races, buckets and totals, and publishes verdicts and figures.

Every message is entered into the book (`tables.book`) in one step without waiting, so an agent that is stopped has
either entered it or not. Verdicts are published beside the agents; a race remembers which revision of its verdict the
broker has, so none is lost with an offset that is committed already.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, cast

from faust.tables.manager import TableManager
from faust.transport.consumer import Consumer
from faust.types import EventT
from prometheus_client import Counter

from streamapp import topics
from streamapp.backing import RaceBacking, TableBacking
from streamapp.errors import ModelError, RecordError
from streamapp.letters import dead_letter, send_dead_letter
from streamapp.metrics import Metrics
from streamapp.records import DeadLetter, LabelMessage, Prediction, Shed, Tick
from streamapp.retries import is_for
from streamapp.runtime.spec import ModelSpec
from streamapp.settings import Settings
from streamapp.stats_feed import Feed
from streamapp.stats_tables import CheckpointedTransport, Checkpoints
from streamapp.stream import StreamApp, raw_topic
from streamapp.transport import PacedConsumer
from tables.book import Book
from tables.buckets import ENSEMBLE
from tables.changes import DEAD_LETTER, LABEL, PREDICTION, SHED, TICK
from tables.recovery import recover

log = logging.getLogger(__name__)

#: The topics that the tables follow, with the letter that stands for each in the tables.
SOURCES = {
    topics.PREDICTIONS: PREDICTION,
    topics.DEAD_LETTERS: DEAD_LETTER,
    topics.SHED: SHED,
    topics.LABELS: LABEL,
    topics.STATS_TICKS: TICK,
}


def register(app: StreamApp, settings: Settings, specs: Mapping[str, ModelSpec], metrics: Metrics) -> None:
    """Add the tables, their agents and what they publish. `specs` are the models that a race waits for.

    Raises:
        ModelError: a model has the name that the ensemble's own figures have.
    """
    if ENSEMBLE in specs:
        raise ModelError(f"a model cannot be named {ENSEMBLE!r}: the figures of all models together have this name")
    role = Stats(app, settings, frozenset(specs), metrics)
    for topic in SOURCES:
        app.agent(raw_topic(app, topic), name=f"stats-{topic}")(role.run)
    app.on_partitions_revoked.connect(role.revoked)
    app.task(role.feed.publish_verdicts)
    app.task(role.feed.beat)


class Stats:
    """The book of this worker's partitions."""

    def __init__(self, app: StreamApp, settings: Settings, expected: frozenset[str], metrics: Metrics) -> None:
        self.app = app
        races, buckets, totals = (
            (RaceBacking if name == "races" else TableBacking)(app, name, settings.partitions) for name in topics.TABLES
        )
        self.book = Book(races, buckets, totals, expected, settings.race_deadline_s)
        self.checkpoints = Checkpoints(self.book, lambda: cast(PacedConsumer, app.consumer).holds_lease)
        self.feed = Feed(app, self.book, self.checkpoints, metrics)
        self.dead_letters = raw_topic(app, topics.DEAD_LETTERS)
        self.read = Counter(
            "streamapp_stats_messages_total",
            "Messages read by the tables: counted, or why not.",
            ["topic", "result"],
            registry=metrics.registry,
        )
        self.unclaimed = Counter(
            "streamapp_stats_unclaimed_labels_total",
            "Labels whose image never came, or is too old for the tables.",
            registry=metrics.registry,
        )
        totals.table.on_recover(self.recovered)
        app.transport = CheckpointedTransport(app.conf.broker_consumer, app, checkpoints=self.checkpoints)

    async def run(self, stream: Any) -> None:  # faust's StreamT does not say that it has events()
        """An agent: every message once; nothing that a message contains ends it."""
        async for event in stream.events():
            try:
                result = self.enter(event, time.time())
            except RecordError as error:
                result = "undecodable"
                await self._bury(event, "decode", result, error)
            except Exception as error:
                log.exception("A defect: a message could not be entered into the tables")
                result = "defect"
                await self._bury(event, "record", result, error)
            self.read.labels(event.message.topic, result).inc()
            self.feed.wake()
            await self.feed.catch_up()

    def enter(self, event: EventT, at: float) -> str:
        """Enter one message into the book; says what became of it.

        Raises:
            RecordError: it cannot be decoded.
        """
        message = event.message
        topic, partition, offset, value = message.topic, message.partition, message.offset, message.value
        if not is_for(message, self.app.conf.id):
            return "other"
        if topic == topics.PREDICTIONS:
            return self.book.predicted(Prediction.decode(value), partition, offset, at)
        if topic == topics.DEAD_LETTERS:
            return self.book.gave_up(DeadLetter.decode(value), partition, offset, at)
        if topic == topics.SHED:
            return self.book.left_out(Shed.decode(value), partition, offset, at)
        if topic == topics.LABELS:
            return self.book.labelled(LabelMessage.decode(value), partition, offset, at)
        return self._tick(Tick.decode(value), partition, offset)

    def _tick(self, tick: Tick, partition: int, offset: int) -> str:
        before = self.book.unclaimed
        self.book.tick(partition, offset, tick.timestamp.timestamp())
        self.unclaimed.inc(self.book.unclaimed - before)
        self.feed.ticked.pop(partition, None)
        return "counted"

    async def _bury(self, event: EventT, stage: str, reason: str, error: Exception) -> None:
        letter = dead_letter(event.message, group=self.app.conf.id, stage=stage, reason=reason, error=error)
        await send_dead_letter(self.dead_letters, letter)

    # -- rebalances --------------------------------------------------------------------------------

    async def revoked(self, *_: Any, **__: Any) -> None:
        """Partitions are about to move; what was processed is written and committed by now."""
        self.checkpoints.end()

    async def recovered(self) -> None:
        """Faust has read the tables of the partitions that are ours now: bring the book up to date."""
        self.checkpoints.end()
        consumer, began = cast(Consumer, self.app.consumer), self._assignment()
        try:
            owned = {tp.partition for tp in consumer.assignment() if tp.topic == topics.PREDICTIONS}
            offsets = (await consumer.seek_to_committed()).items()
            committed = {(tp.partition, SOURCES[tp.topic]): at or 0 for tp, at in offsets if tp.topic in SOURCES}
            for _ in recover(self.book, owned, committed, time.time()):
                await asyncio.sleep(0)
                if self._moved_since(began):
                    return
        except Exception as error:
            if self._moved_since(began):
                return
            await self.app.crash(error)
            raise
        if self._moved_since(began):
            return
        # Faust has let messages flow for the recovery, and will empty the agents' queues once more before it is done:
        # what came into them after it went back to the committed offsets would be lost.
        consumer.stop_flow()
        self.app.flow_control.suspend()
        self.feed.owned = owned
        self.feed.ticked.clear()
        self.checkpoints.begin()
        self.feed.wake()
        log.info("the tables of %d partitions are up to date", len(owned))

    def _assignment(self) -> tuple[int, int]:
        """Which assignment of partitions this is, in our count and in the group's."""
        return self.checkpoints.generation, self.app.consumer_generation_id

    def _moved_since(self, began: tuple[int, int]) -> bool:
        """Whether partitions have moved meanwhile: then the next recovery is under way, and needs messages to flow.

        Faust ends a recovery that a rebalance interrupts, but not what that recovery has called, which is us.
        """
        recovery = cast(TableManager, self.app.tables).recovery
        return began != self._assignment() or recovery.in_recovery or recovery.signal_recovery_start.is_set()
