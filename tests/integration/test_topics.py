"""Topics and groups on a real broker."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streamapp import topics
from streamapp.brokers import client_options
from streamapp.errors import BrokerError, TopicMismatch
from streamapp.evict import client_id, evict
from streamapp.settings import Settings


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
def settings(request: pytest.FixtureRequest) -> Settings:
    if request.param == "apache":
        return Settings(broker=request.getfixturevalue("kafka").url)
    return Settings.load(request.getfixturevalue("servers").environ)


async def test_ensure_creates_once_and_refuses_another_count(settings: Settings) -> None:
    await topics.ensure(settings)
    await topics.ensure(settings)
    with pytest.raises(TopicMismatch, match="images-input-stream has 12"):
        await topics.ensure(settings.model_copy(update={"partitions": 5}))


async def test_a_broker_that_is_away_is_one_clear_error(settings: Settings) -> None:
    with pytest.raises(BrokerError, match=r"kafka://127\.0\.0\.1:1 cannot be used"):
        await topics.ensure(settings.model_copy(update={"broker": "kafka://127.0.0.1:1"}))


async def test_a_new_group_starts_at_the_end_and_keeps_its_place(settings: Settings) -> None:
    await topics.ensure(settings)
    producer = AIOKafkaProducer(**client_options(settings))
    await producer.start()
    try:
        before = await topics.register_group(settings, "group-a", topics.LABELS)
        await producer.send_and_wait(topics.LABELS, b"{}", partition=4)
        assert await topics.register_group(settings, "group-a", topics.LABELS) == before
        later = await topics.register_group(settings, "group-b", topics.LABELS)
        assert later[4] == before[4] + 1
    finally:
        await producer.stop()


async def test_a_group_that_another_process_has_begun_meanwhile_is_registered(settings: Settings) -> None:
    await topics.ensure(settings)
    member = AIOKafkaConsumer(topics.LABELS, **client_options(settings), group_id="group-c", enable_auto_commit=False)

    async def agree(ends: topics.Ends) -> dict[int, int]:
        first = await topics.register_group(settings, "group-c", topics.LABELS)
        await member.start()
        return first

    try:
        registered = await topics.register_group(settings, "group-c", topics.LABELS, agree)
        assert registered == await topics.register_group(settings, "group-c", topics.LABELS)
        assert registered.keys() == set(range(settings.partitions))
    finally:
        await member.stop()


async def test_an_evicted_member_is_out_of_its_group(settings: Settings) -> None:
    await topics.ensure(settings)
    member = AIOKafkaConsumer(
        topics.LABELS,
        **client_options(settings),
        group_id="streamapp-evicted",
        client_id=client_id("evicted", 4711),
    )
    await member.start()
    try:
        assert await evict(settings, "evicted", 4712) == 0
        assert await evict(settings, "evicted", 4711) == 1
        assert await evict(settings, "evicted", 4711) == 0
    finally:
        await member.stop()
