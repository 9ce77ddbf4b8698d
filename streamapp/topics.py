"""The topics: names, how each is kept, and `ensure()`, which creates and checks them before a worker joins."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import CommitFailedError, KafkaError, NoError, TopicAlreadyExistsError, for_code
from aiokafka.structs import OffsetAndMetadata

from streamapp.brokers import broker_error, client_options
from streamapp.errors import BrokerError, TopicMismatch
from streamapp.settings import Settings

IMAGES = "images-input-stream"
PREDICTIONS = "predictions-output"
VERDICTS = "verdicts-output"
LABELS = "labels-input-stream"
DEAD_LETTERS = "images-dead-letter"
SHED = "images-shed"
STATS_TICKS = "stats-ticks"
STATS_PARTIALS = "stats-partials"
MODELS_STATE = "models-state"
MODELS_CONTROL = "models-control"

#: Bucket of the originals in the object store.
RAW_IMAGES_BUCKET = "raw-images"

#: Faust table changelogs, named by Faust as `<app id>-<table>-changelog`.
STATS_APP = "streamapp-stats"
TABLES = ("races", "buckets", "totals")


#: Tells at which offset each partition ends now.
Ends = Callable[[], Awaitable[dict[int, int]]]
#: Says at which offset a new group begins on each of these partitions.
Agree = Callable[[Ends], Awaitable[dict[int, int]]]


@dataclass(frozen=True)
class TopicSpec:
    """One topic: compacted topics keep the newest value of each key, the others keep everything for a while."""

    name: str
    compacted: bool = False

    def config(self, settings: Settings) -> dict[str, str]:
        """Broker settings of the topic."""
        retention_ms = settings.retention_minutes * 60_000
        policy = {"cleanup.policy": "compact"} if self.compacted else {"retention.ms": str(retention_ms)}
        return policy | {"min.insync.replicas": str(settings.min_insync_replicas)}


def all_topics() -> list[TopicSpec]:
    """Every topic of the platform, table changelogs included."""
    plain = [IMAGES, PREDICTIONS, VERDICTS, LABELS, DEAD_LETTERS, SHED, STATS_TICKS, MODELS_CONTROL]
    compacted = [STATS_PARTIALS, MODELS_STATE, *(f"{STATS_APP}-{table}-changelog" for table in TABLES)]
    return [TopicSpec(name) for name in plain] + [TopicSpec(name, compacted=True) for name in compacted]


async def ensure(settings: Settings) -> None:
    """Create the topics that are missing and check the others. Safe to call from many workers at once.

    Raises:
        TopicMismatch: a topic has another number of partitions; the text says how to mend it.
        BrokerUnavailable: no broker answers.
        BrokerError: the broker refuses us, or to make a topic.
    """
    admin = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=10_000)
    try:
        await admin.start()
        try:
            await _create_missing(admin, settings)
            check_partitions(await _partition_counts(admin), settings.partitions)
        finally:
            await admin.close()
    except KafkaError as error:
        raise await broker_error(settings, error) from error


async def _create_missing(admin: AIOKafkaAdminClient, settings: Settings) -> None:
    existing = set(await admin.list_topics())
    missing = [topic for topic in all_topics() if topic.name not in existing]
    for topic in missing:
        new = NewTopic(
            topic.name, settings.partitions, settings.replication_factor, topic_configs=topic.config(settings)
        )
        check_created(await admin.create_topics([new], timeout_ms=10_000))
    for _ in range(100 if missing else 0):  # a created topic takes a moment to be known everywhere
        if {topic.name for topic in missing} <= set(await admin.list_topics()):
            return
        await asyncio.sleep(0.05)


def check_created(response: Any) -> None:
    """Look at the broker's answer to a request for topics, which the client does not.

    Raises:
        BrokerError: it has refused one; that another worker was faster is no refusal.
    """
    for name, code, *reason in response.topic_errors:
        error = for_code(code)
        if error not in (NoError, TopicAlreadyExistsError):
            raise BrokerError(
                f"the topic {name} cannot be created: {(reason and reason[0]) or error.__name__} "
                "See STREAMAPP_PARTITIONS and STREAMAPP_REPLICATION_FACTOR."
            )


async def _partition_counts(admin: AIOKafkaAdminClient) -> dict[str, int]:
    described = await admin.describe_topics([topic.name for topic in all_topics()])
    return {topic["topic"]: len(topic["partitions"]) for topic in described if not topic["error_code"]}


def check_partitions(counts: dict[str, int], expected: int) -> None:
    """Compare each topic's partition count with the expected one.

    Raises:
        TopicMismatch: at least one differs.
    """
    wrong = {name: count for name, count in counts.items() if count != expected}
    if wrong:
        listed = ", ".join(f"{name} has {count}" for name, count in sorted(wrong.items()))
        raise TopicMismatch(
            f"every topic must have {expected} partitions, but {listed}: an image must have the same partition number "
            f"on all topics. Set STREAMAPP_PARTITIONS to the existing count, or delete these topics and start again."
        )


async def register_group(settings: Settings, group: str, topic: str, agree: Agree | None = None) -> dict[int, int]:
    """Give a new consumer group its starting point: the end of `topic`. A group that has offsets keeps them.

    A model that is added later must not replay the whole history into the live figures. Several processes may do this
    at once, while messages arrive: `agree`, which can ask where the topic ends now, says where all of them begin.

    Returns:
        The committed offset per partition.
    """
    consumer = AIOKafkaConsumer(
        **client_options(settings),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="none",
    )
    try:
        await consumer.start()
        partitions = [TopicPartition(topic, number) for number in range(settings.partitions)]
        consumer.assign(partitions)
        committed = {part: await consumer.committed(part) for part in partitions}
        fresh = [part for part, offset in committed.items() if offset is None]
        if fresh:

            async def ends() -> dict[int, int]:
                return {part.partition: offset for part, offset in (await consumer.end_offsets(fresh)).items()}

            agreed = await (agree(ends) if agree else ends())
            starts = {TopicPartition(topic, number): offset for number, offset in agreed.items()}
            try:
                await consumer.commit({part: OffsetAndMetadata(offset, "") for part, offset in starts.items()})
            except CommitFailedError:  # a process that was faster is a member by now, and members alone may commit
                starts = {part: await consumer.committed(part) for part in fresh}
                if None in starts.values():
                    raise
            committed |= starts
        return {part.partition: offset for part, offset in committed.items() if offset is not None}
    except KafkaError as error:
        raise BrokerError(f"the starting offsets of {group} cannot be committed: {error}") from error
    finally:
        await consumer.stop()
