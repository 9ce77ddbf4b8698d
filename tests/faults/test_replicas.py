"""Three brokers with three replicas of everything: one may die at any moment."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from streamapp import topics
from streamapp.brokers import client_options
from tests.faults.conftest import QUICK, RESULTS, kept_folder
from tests.support.kafka import kafka_cluster
from tests.support.lab import Form, Lab, lab

pytestmark = pytest.mark.kafka


@pytest.fixture
def replicated(request: pytest.FixtureRequest, form: Form) -> Iterator[Lab]:
    """A platform on three brokers."""
    replicas = {"replication_factor": 3, "min_insync_replicas": 2}
    with (
        kept_folder(request) as folder,
        kafka_cluster(3, heap_mib=256) as kafka,
        lab(folder, kafka, form, RESULTS, **replicas, **QUICK) as running,
    ):
        yield running


async def test_f5_the_leader_is_killed(replicated: Lab) -> None:
    async with replicated.trial("F5", "three brokers: the leader kill -9") as trial:
        for _ in replicated.form.times(3):
            leader = await leader_of(replicated, 0)
            await asyncio.to_thread(replicated.kafka.kill, leader)
            await trial.recovered(time.monotonic())
            assert await leader_of(replicated, 0) != leader
            await asyncio.to_thread(replicated.kafka.start, leader)
    assert all(status == 503 for status, _ in trial.load.refusals)


async def leader_of(lab: Lab, partition: int) -> int:
    """The broker that leads this partition of the topic of images."""
    admin = AIOKafkaAdminClient(**client_options(lab.oracle.settings))
    await admin.start()
    try:
        [described] = await admin.describe_topics([topics.IMAGES])
        return int(next(part["leader"] for part in described["partitions"] if part["partition"] == partition))
    finally:
        await admin.close()
