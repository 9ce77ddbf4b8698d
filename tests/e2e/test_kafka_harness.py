"""The real Kafka that other tests stand on: does it behave like a broker?"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streamapp import topics
from streamapp.errors import BrokerError
from streamapp.settings import Settings
from tests.support import maven
from tests.support.kafka import KafkaCluster, kafka_cluster

PARTITIONS = 12


@pytest.fixture(scope="module")
def cluster() -> Iterator[KafkaCluster]:
    """A cluster of its own, since these tests stop it."""
    with kafka_cluster() as running:
        yield running


@pytest.mark.kafka
async def test_a_restarted_and_a_killed_broker_keep_what_they_acknowledged(cluster: KafkaCluster) -> None:
    await _create(cluster, "kept")
    await _produce(cluster, "kept", range(40))
    before = await _consume(cluster, "kept", 40)
    await asyncio.to_thread(cluster.restart)
    await _produce(cluster, "kept", range(40, 60))
    await asyncio.to_thread(cluster.kill)
    await asyncio.to_thread(cluster.start)
    after = await _consume(cluster, "kept", 60)
    assert {record.value for record in before} == {b"value %d" % number for number in range(40)}
    assert {record.value for record in after} == {b"value %d" % number for number in range(60)}
    assert {record.value: record.partition for record in before}.items() <= {
        r.value: r.partition for r in after
    }.items()
    assert all(record.headers == (("image", record.value * 2),) for record in after)
    assert len({record.partition for record in after}) > 1


@pytest.mark.kafka
async def test_topics_have_the_partitions_asked_for_and_are_not_made_by_accident(cluster: KafkaCluster) -> None:
    await _create(cluster, "asked-for")
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers)
    await admin.start()
    try:
        asked, unasked = await admin.describe_topics(["asked-for", "never-asked-for"])
        names = await admin.list_topics()
    finally:
        await admin.close()
    assert len(asked["partitions"]) == PARTITIONS
    assert unasked["error_code"] == 3  # unknown topic or partition
    assert "never-asked-for" not in names


@pytest.mark.kafka
async def test_more_replicas_than_brokers_are_refused(cluster: KafkaCluster) -> None:
    with pytest.raises(BrokerError, match=r"^the topic \S+ cannot be created: .*replication.*REPLICATION_FACTOR"):
        await topics.ensure(Settings(broker=cluster.url, replication_factor=3))


@pytest.mark.parametrize(("missing", "package"), [("java", "default-jre-headless"), ("mvn", "maven")])
def test_a_missing_program_is_named_with_its_package(
    missing: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None if name == missing else f"/usr/bin/{name}")
    with pytest.raises(maven.KafkaUnavailable, match=f"`{missing}` is missing.*apt-get install {package}"):
        maven.kafka_jars()


def test_a_fetch_that_fails_leaves_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("java", "mvn"):
        (programs / name).write_text("#!/bin/sh\necho no such artifact\nexit 1\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setattr(maven, "CACHE", tmp_path / "cache")
    with pytest.raises(maven.KafkaUnavailable, match=r"cannot fetch Kafka 4.*no such artifact"):
        maven.kafka_jars()
    assert list((tmp_path / "cache").iterdir()) == []


async def _create(cluster: KafkaCluster, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    finally:
        await admin.close()


async def _produce(cluster: KafkaCluster, topic: str, numbers: range) -> None:
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap_servers, enable_idempotence=True) as producer:
        for number in numbers:
            key, value = b"key %d" % number, b"value %d" % number
            await producer.send_and_wait(topic, key=key, value=value, headers=[("image", value * 2)])


async def _consume(cluster: KafkaCluster, topic: str, count: int) -> list[ConsumerRecord]:
    """The first `count` messages, read by a new group."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=cluster.bootstrap_servers, group_id=f"read-{count}", auto_offset_reset="earliest"
    )
    async with consumer, asyncio.timeout(30):
        return [await anext(consumer) for _ in range(count)]
