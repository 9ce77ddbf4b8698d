"""What a platform must have made of the images that it accepted, and what it has: the oracle of the fault tests."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streamapp.brokers import client_options
from streamapp.errors import ObjectMissing
from streamapp.settings import Settings
from streamapp.storage.objects import ObjectStore
from tables.buckets import Bucket
from tests.support.stats import watching

OUTCOMES = """
    SELECT image_id, model, outcome FROM outcomes WHERE run_id = 'live' AND image_id = ANY ($1::uuid[])
"""
#: The buckets that the tables must have, from the rows of the same outcomes.
BUCKETS = """
    SELECT model, floor(extract(epoch FROM timestamp) / 10)::bigint * 10 AS start,
           count(*) FILTER (WHERE outcome = 'predicted') AS predictions,
           count(*) FILTER (WHERE outcome = 'dead') AS errors,
           count(*) FILTER (WHERE outcome = 'shed') AS shed,
           count(label) FILTER (WHERE outcome = 'predicted' AND trained) AS labelled,
           count(*) FILTER (WHERE outcome = 'predicted' AND trained AND prediction = label) AS correct
    FROM outcomes WHERE run_id = 'live' AND timestamp >= to_timestamp($1) GROUP BY 1, 2
"""
UNJUDGED = """
    SELECT asked.image_id, expected, answers, dead, shed, verdicts.timestamp, recorded_at
    FROM unnest($1::uuid[]) AS asked (image_id) LEFT JOIN verdicts USING (image_id) WHERE complete IS NOT TRUE
"""
LARGEST = "max.message.bytes"
DYNAMIC_TOPIC_CONFIG = 1  # where Kafka says that a value comes from, if it was set for the topic
COUNTED = ("predictions", "errors", "shed", "labelled", "correct")
Figures = dict[tuple[str, int], tuple[int, ...]]


@dataclass
class Oracle:
    """Asks PostgreSQL and the topics themselves, by a way of its own that no fault is on."""

    settings: Settings
    models: Sequence[str]

    async def fetch(self, query: str, *arguments: Any) -> list[Any]:
        """Rows of PostgreSQL."""
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def outcomes(self, images: Iterable[UUID]) -> dict[UUID, dict[str, str]]:
        """What became of these images, by model."""
        found: dict[UUID, dict[str, str]] = {image_id: {} for image_id in images}
        for row in await self.fetch(OUTCOMES, list(found)):
            found[row["image_id"]][row["model"]] = row["outcome"]
        return found

    async def published_since(self, at: float) -> set[UUID]:
        """Images that were published and came after this time, those among them whose upload was not acknowledged."""
        query = "SELECT image_id FROM images WHERE accepted_at >= to_timestamp($1) AND state = 'published'"
        rows = await self.fetch(query, at)
        return {row["image_id"] for row in rows}

    async def frames(self, images: Iterable[UUID]) -> set[UUID]:
        """Those of these images that came from a camera."""
        query = "SELECT image_id FROM images WHERE source = 'webcam' AND image_id = ANY ($1::uuid[])"
        return {row["image_id"] for row in await self.fetch(query, list(images))}

    async def waiting(self) -> list[UUID]:
        """Images that will be published: their rows wait, and their originals are stored."""
        rows = await self.fetch("SELECT image_id, minio_path FROM images WHERE state = 'pending'")
        async with ObjectStore.connect(self.settings.object_store_url) as objects:
            return [row["image_id"] for row in rows if await _exists(objects, row["minio_path"])]

    async def count(self, what: str, images: Iterable[UUID]) -> int:
        """Rows of these images in the table, or the part of it, that `what` names."""
        [row] = await self.fetch(f"SELECT count(*) FROM {what} image_id = ANY ($1::uuid[])", list(images))
        return int(row["count"])

    async def unjudged(self, images: Iterable[UUID]) -> list[dict[str, Any]]:
        """What is stored of the verdicts of those images whose verdict is not complete."""
        return [dict(row) for row in await self.fetch(UNJUDGED, list(images))]

    async def stored_figures(self, since: int) -> Figures:
        """Predictions, errors, labelled and correct by model and bucket, from PostgreSQL."""
        rows = await self.fetch(BUCKETS, since)
        return {(row["model"], row["start"]): tuple(row[name] for name in COUNTED) for row in rows}

    async def table_figures(self, since: int) -> Figures:
        """The same as the tables say it, all partitions together, and read from the topic itself."""
        figures: dict[tuple[str, int], Counter[str]] = {}
        async with watching(self.settings) as seen:
            for key, value in seen.partials.items():
                if key.startswith("bucket|"):
                    bucket = Bucket.from_json(value)
                    if bucket.model in self.models and bucket.start >= since:
                        counts = figures.setdefault((bucket.model, bucket.start), Counter())
                        counts.update({name: getattr(bucket, name) for name in COUNTED})
        found = {place: tuple(counts[name] for name in COUNTED) for place, counts in figures.items()}
        return {place: counts for place, counts in found.items() if any(counts)}

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(**client_options(self.settings), enable_auto_commit=False)
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def ends(self, topic: str) -> dict[TopicPartition, int]:
        """Where a topic ends now."""
        async with self._reader() as consumer:
            parts = [TopicPartition(topic, number) for number in range(self.settings.partitions)]
            return dict(await consumer.end_offsets(parts))

    async def rewind(self, group: str, offsets: dict[TopicPartition, int]) -> None:
        """Make a group without members begin at these offsets."""
        options = client_options(self.settings)
        async with AIOKafkaConsumer(**options, group_id=group, enable_auto_commit=False) as consumer:
            consumer.assign(list(offsets))
            await consumer.commit(offsets)

    @asynccontextmanager
    async def producing(self) -> AsyncIterator[AIOKafkaProducer]:
        """A plain producer."""
        async with AIOKafkaProducer(**client_options(self.settings)) as producer:
            yield producer

    async def set_largest(self, topic: str, size: int | None) -> None:
        """Let the brokers take messages of at most `size` bytes on a topic; None: what is usual."""
        admin = AIOKafkaAdminClient(**client_options(self.settings))
        await admin.start()
        try:
            described = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
            [(_, _, _, _, entries)] = described[0].resources
            given = {entry[0]: entry[1] for entry in entries if entry[3] == DYNAMIC_TOPIC_CONFIG}
            given.pop(LARGEST, None)
            wanted = given | ({LARGEST: str(size)} if size else {})
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, wanted)])
        finally:
            await admin.close()

    async def wire(self, since: dict[TopicPartition, int]) -> list[ConsumerRecord]:
        """Every message of a topic from `ends` at some time until now."""
        async with self._reader() as consumer:
            ends = await consumer.end_offsets(list(since))
            left = {part for part, end in ends.items() if end > since[part]}
            consumer.assign(list(left))
            for part in left:
                consumer.seek(part, since[part])
            messages: list[ConsumerRecord] = []
            while left:
                for part, batch in (await consumer.getmany(timeout_ms=1000)).items():
                    messages += [message for message in batch if message.offset < ends[part]]
                left -= {part for part in left if await consumer.position(part) >= ends[part]}
            return messages


async def _exists(objects: ObjectStore, path: str) -> bool:
    try:
        return bool(await objects.get(path))
    except ObjectMissing:
        return False


@dataclass
class Promise:
    """What was promised for the images of one trial: a prediction of each model, and which dead letters instead.

    `dead` are the images that a model must give up, by model; with `may_die` any model may give up any image. Any model
    may leave out what is in `frames`.
    """

    acknowledged: set[UUID] = field(default_factory=set)
    dead: dict[str, set[UUID]] = field(default_factory=dict)
    may_die: bool = False
    frames: set[UUID] = field(default_factory=set)

    def broken(self, outcomes: dict[UUID, dict[str, str]], models: Sequence[str]) -> list[str]:
        """One line for each image that has not exactly one outcome of each model, or another one than expected."""
        lines = [f"{image_id} is not stored" for image_id in self.acknowledged - outcomes.keys()]
        for image_id, found in outcomes.items():
            expected = {model: "dead" if image_id in self.dead.get(model, ()) else "predicted" for model in models}
            if self.may_die:
                expected |= {model: "dead" for model, outcome in found.items() if outcome == "dead"}
            if image_id in self.frames:
                expected |= {model: "shed" for model, outcome in found.items() if outcome == "shed"}
            if found != expected:
                lines.append(f"{image_id} has {found}, not {expected}")
        return lines
