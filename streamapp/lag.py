"""Where each consumer group stands: what it has committed, and how far it lags behind its topics."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streamapp import topics
from streamapp.brokers import client_options
from streamapp.recorded import KINDS
from streamapp.settings import Settings

# Ticks are left out: a few of them are always on their way.
READS = {
    "stats": (topics.PREDICTIONS, topics.DEAD_LETTERS, topics.SHED, topics.LABELS),
    "recorder": tuple(KINDS),
}


@dataclass(frozen=True)
class Position:
    """A group on its topics, summed over all partitions. A partition without a commit counts from its beginning."""

    committed: int
    end: int

    @property
    def lag(self) -> int:
        """Messages that are not committed yet."""
        return self.end - self.committed


class LagMeter:
    """Asks the broker for the position of each group."""

    def __init__(
        self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, models: Collection[str], partitions: int
    ) -> None:
        self._admin = admin
        self._consumer = consumer
        self._partitions = partitions
        reads = READS | dict.fromkeys(models, (topics.IMAGES,))
        self._parts = {
            f"streamapp-{role}": [TopicPartition(name, number) for name in names for number in range(partitions)]
            for role, names in reads.items()
        }

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings, models: Collection[str]) -> AsyncIterator[Self]:
        """A meter for the groups of these models, of `stats` and of `recorder`; raises KafkaError."""
        admin = AIOKafkaAdminClient(**client_options(settings))
        consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False)
        try:
            await admin.start()
            await consumer.start()
            yield cls(admin, consumer, models, settings.partitions)
        finally:
            await consumer.stop()
            await admin.close()

    async def positions(self) -> dict[str, Position]:
        """Where each group stands; the ends of the topics are asked for first."""
        parts = sorted({part for group in self._parts.values() for part in group})
        begins = await self._consumer.beginning_offsets(parts)
        ends = await self._consumer.end_offsets(parts)
        positions = {}
        for group, wanted in self._parts.items():
            committed = await self._admin.list_consumer_group_offsets(group)
            done = {part: found.offset for part, found in committed.items() if found.offset >= 0}
            at = {part: min(ends[part], max(done.get(part, 0), begins[part])) for part in wanted}
            positions[group] = Position(sum(at.values()), sum(ends[part] for part in wanted))
        return positions

    async def ends(self, names: Collection[str]) -> dict[str, int]:
        """How many messages ever came to each of these topics."""
        parts = [TopicPartition(name, number) for name in names for number in range(self._partitions)]
        ends = await self._consumer.end_offsets(parts)
        return {name: sum(end for part, end in ends.items() if part.topic == name) for name in names}

    async def lags(self) -> dict[str, int]:
        """Messages that are not committed yet, by group."""
        return {group: position.lag for group, position in (await self.positions()).items()}
