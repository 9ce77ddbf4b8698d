"""The lag that the measurements report, on a real Kafka."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streamapp import topics
from streamapp.lag import LagMeter
from streamapp.settings import Settings
from tests.support.kafka import kafka_cluster


@pytest.mark.kafka
async def test_lag_counts_what_is_not_committed() -> None:
    with kafka_cluster() as cluster:
        settings = Settings(broker=cluster.url, partitions=2)
        await topics.ensure(settings)
        await _produce(cluster.bootstrap_servers, 10)
        await _commit(cluster.bootstrap_servers, "streamapp-resnet50", TopicPartition(topics.IMAGES, 0), 3)
        async with LagMeter.connect(settings, ["resnet50", "mobilenet"]) as meter:
            lags = await meter.lags()
    # Five messages on each of two partitions; `stats` does not read this topic.
    assert lags == {
        "streamapp-resnet50": 7,
        "streamapp-mobilenet": 10,
        "streamapp-recorder": 10,
        "streamapp-stats": 0,
    }


async def _produce(servers: str, count: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for number in range(count):
            await producer.send_and_wait(topics.IMAGES, b"image", partition=number % 2)


async def _commit(servers: str, group: str, part: TopicPartition, offset: int) -> None:
    async with AIOKafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False) as consumer:
        consumer.assign([part])
        await consumer.commit({part: offset})
