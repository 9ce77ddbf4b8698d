"""Where a model begins: exactly where its ledger begins, however many processes register it while images arrive."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NoReturn
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from streamapp import topics
from streamapp.brokers import client_options
from streamapp.registration import register
from streamapp.settings import Settings
from streamapp.storage.ledger import LedgerStore
from streamapp.storage.postgres import Database
from tests.support.stack import Stack


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
async def settings(request: pytest.FixtureRequest, servers: Stack) -> Settings:
    settings = Settings.load(servers.environ)
    if request.param == "apache":
        settings = settings.model_copy(update={"broker": request.getfixturevalue("kafka").url})
    await topics.ensure(settings)
    return settings


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    async with Database.connect(settings.database_url) as database:
        await database.migrate()
        yield database


@pytest.fixture
async def producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(**client_options(settings)) as producer:
        yield producer


async def start(settings: Settings, model: str, db: Database) -> dict[int, int]:
    async def database() -> Database:
        return db

    return await register(settings, model, database)


async def test_processes_that_register_together_while_images_arrive_agree(
    settings: Settings, db: Database, producer: AIOKafkaProducer
) -> None:
    async def images() -> NoReturn:
        while True:
            await producer.send_and_wait(topics.IMAGES, b"{}", partition=3)

    arriving = asyncio.create_task(images())
    try:
        model = f"m-{uuid4().hex[:8]}"
        starts = await asyncio.gather(*(start(settings, model, db) for _ in range(5)))
        await asyncio.sleep(0.1)
        starts.append(await start(settings, model, db))
    finally:
        arriving.cancel()
        with suppress(asyncio.CancelledError):
            await arriving
    assert all(each == starts[0] for each in starts), "the last to commit has not moved the group past an image"
    assert await LedgerStore(db).begin(model, dict.fromkeys(range(12), 10**9)) == starts[0]


async def test_a_model_that_is_known_needs_no_database(settings: Settings, db: Database) -> None:
    model = f"m-{uuid4().hex[:8]}"
    before = await start(settings, model, db)

    async def away() -> Database:
        raise AssertionError("it asked")

    assert await register(settings, model, away) == before


async def test_a_group_that_has_lost_its_offsets_begins_where_the_model_was_registered(
    settings: Settings, db: Database, producer: AIOKafkaProducer
) -> None:
    model = f"m-{uuid4().hex[:8]}"
    ends = await start(settings, f"{model}-other", db)
    await LedgerStore(db).begin(model, ends)
    for _ in range(3):
        await producer.send_and_wait(topics.IMAGES, b"{}", partition=5)
    assert await start(settings, model, db) == ends, "not at the end: these three are owed"


async def test_on_a_topic_that_was_made_anew_a_model_begins_at_its_end(settings: Settings, db: Database) -> None:
    model = f"m-{uuid4().hex[:8]}"
    ends = await start(settings, f"{model}-other", db)
    await LedgerStore(db).begin(model, {partition: end + 1000 for partition, end in ends.items()})
    assert await start(settings, model, db) == ends
