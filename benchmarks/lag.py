"""Consumer lag: messages of a topic that a group has not committed yet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streamapp import topics
from streamapp.brokers import client_options
from streamapp.settings import Settings

# Ticks are left out: a few of them are always on their way.
READS = {
    "stats": (topics.PREDICTIONS, topics.DEAD_LETTERS, topics.LABELS),
    "recorder": (topics.PREDICTIONS, topics.VERDICTS, topics.LABELS, topics.DEAD_LETTERS, topics.IMAGES),
}


class LagMeter:
    """Asks the broker for the lag of each group."""

    def __init__(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, models: list[str], partitions: int):
        self._admin = admin
        self._consumer = consumer
        reads = READS | dict.fromkeys(models, (topics.IMAGES,))
        self._parts = {
            f"streamapp-{role}": [TopicPartition(name, number) for name in names for number in range(partitions)]
            for role, names in reads.items()
        }

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings, models: list[str]) -> AsyncIterator[Self]:
        """A meter for the groups of these models, of `stats` and of `recorder`."""
        admin = AIOKafkaAdminClient(**client_options(settings))
        consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False)
        try:
            await admin.start()
            await consumer.start()
            yield cls(admin, consumer, models, settings.partitions)
        finally:
            await consumer.stop()
            await admin.close()

    async def lags(self) -> dict[str, int]:
        """Messages not committed yet, by group. A group without a commit on a partition has its whole content."""
        parts = sorted({part for group in self._parts.values() for part in group})
        begins = await self._consumer.beginning_offsets(parts)
        ends = await self._consumer.end_offsets(parts)
        lags = {}
        for group, wanted in self._parts.items():
            committed = await self._admin.list_consumer_group_offsets(group)
            done = {part: found.offset for part, found in committed.items() if found.offset >= 0}
            lags[group] = sum(max(0, ends[part] - max(done.get(part, 0), begins[part])) for part in wanted)
        return lags
