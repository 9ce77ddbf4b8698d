"""The recorder's core on a real PostgreSQL, which comes and goes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from streamapp import topics
from streamapp.metrics import Metrics
from streamapp.recorder import Recorder
from streamapp.records import DeadLetter, Record
from streamapp.storage.postgres import Database
from tests.contract.events import FakeEvent, Topic, settings_for
from tests.contract.examples import dead_letter, image, prediction, verdict
from tests.support.proxy import Proxy

MODELS = ("resnet50", "mobilenet", "efficientnet")


@asynccontextmanager
async def recording(db: Database, topic: Topic, sent: list[DeadLetter]) -> AsyncIterator[Recorder]:
    """A recorder at work; its dead letters come back to it, as they do through the topic."""

    async def send(letter: DeadLetter) -> None:
        sent.append(letter)
        returning.append(asyncio.create_task(recorder.submit(topic.event(letter))))

    returning: list[asyncio.Task[None]] = []
    recorder = Recorder(settings_for(rows=50), db, send, Metrics(CollectorRegistry()))
    running = asyncio.create_task(recorder.run())
    try:
        yield recorder
        async with asyncio.timeout(20):
            while recorder.held or not all(task.done() for task in returning):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        await recorder.stop()
        assert running.done()
        running.result()
    finally:
        running.cancel()


async def whole(ids: list[UUID], topic: Topic) -> list[FakeEvent]:
    """Everything that is said about these images."""
    said: list[Record] = []
    for one in ids:
        said += [image(one), *(prediction(one, model) for model in MODELS), verdict(one, 3, complete=True)]
    return [topic.event(record) for record in said]


async def test_what_was_said_is_stored_once_however_often_it_is_said(db: Database) -> None:
    topic, sent = Topic(), []
    ids = [uuid4() for _ in range(40)]
    before = await db.counts()
    for _ in range(2):
        events = await whole(ids, topic)
        async with recording(db, topic, sent) as recorder:
            for event in events:
                await recorder.submit(event)
        assert topic.acks[-len(events) :] == events
        after = await db.counts()
        assert after.accepted - before.accepted == after.verdicts - before.verdicts == 40
        assert after.pending == before.pending
        for model in MODELS:
            assert after.outcomes[model]["predicted"] - before.outcomes.get(model, {}).get("predicted", 0) == 40
    assert sent == []


async def test_a_database_that_goes_away_in_mid_stream_loses_nothing(
    db: Database, database_url: str, proxy: Callable[[str], Proxy]
) -> None:
    topic, sent = Topic(), []
    ids = [uuid4() for _ in range(100)]
    before = await db.counts()
    between = proxy(database_url)
    await between.start()
    async with Database.connect(between.url) as through, recording(through, topic, sent) as recorder:
        events = await whole(ids, topic)
        for event in events[:200]:
            await recorder.submit(event)
        await between.cut()
        feeding = asyncio.create_task(feed(recorder, events[200:]))
        await asyncio.sleep(0.4)
        acknowledged = len(topic.acks)
        await asyncio.sleep(0.2)
        assert len(topic.acks) == acknowledged < 500
        assert recorder.held <= 100
        assert not feeding.done()
        await between.start()
        await asyncio.wait_for(feeding, 20)
    assert topic.acks == events
    after = await db.counts()
    assert after.accepted - before.accepted == after.verdicts - before.verdicts == 100
    for model in MODELS:
        assert after.outcomes[model]["predicted"] - before.outcomes.get(model, {}).get("predicted", 0) == 100


async def feed(recorder: Recorder, events: list[FakeEvent]) -> None:
    for event in events:
        await recorder.submit(event)


async def test_a_refused_row_alone_is_buried_and_its_outcome_is_dead(db: Database, database_url: str) -> None:
    topic, sent = Topic(), []
    said = [prediction() for _ in range(30)]
    said[17] = prediction(camera_id="a\0b")
    async with recording(db, topic, sent) as recorder:
        await feed(recorder, [topic.event(one) for one in said])
    assert [letter.image_id for letter in sent] == [said[17].image_id]
    for one in said:
        assert await db.prediction(one.prediction_id) == (None if one is said[17] else one)
    connection = await asyncpg.connect(database_url)
    row = await connection.fetchrow("SELECT outcome, reason FROM outcomes WHERE image_id = $1", said[17].image_id)
    await connection.close()
    assert tuple(row) == ("dead", "row-refused")
    assert len(topic.acks) == 31


@pytest.mark.parametrize(
    "bad",
    [
        dead_letter(1, model="a\0b", error="c\0d", image_id=uuid4()),
        dead_letter(2**70, image_id=uuid4()),
        dead_letter(3, model="".join(map(chr, range(300, 4300))), image_id=uuid4()),
    ],
    ids=["NUL", "overflow", "key too long"],
)
async def test_a_dead_letter_that_cannot_be_stored_is_stored_otherwise(db: Database, bad: DeadLetter) -> None:
    topic, sent = Topic(offset=len(bad.encode())), []
    before = await db.counts()
    async with recording(db, topic, sent) as recorder:
        await recorder.submit(topic.event(bad))
    assert (await db.counts()).dead_letters == before.dead_letters + 1
    assert sent == []
    assert len(topic.acks) == 1


async def test_what_cannot_be_decoded_is_kept_with_its_bytes(db: Database, database_url: str) -> None:
    topic, sent = Topic(offset=70_000), []
    async with recording(db, topic, sent) as recorder:
        await recorder.submit(topic.raw(topics.LABELS, b"\xff\0 not JSON"))
        await recorder.submit(topic.raw(topics.DEAD_LETTERS, b"neither"))
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch('SELECT topic, reason, value FROM dead_letters WHERE "offset" > 70000 ORDER BY topic')
    await connection.close()
    assert [tuple(row) for row in rows] == [
        (topics.DEAD_LETTERS, "undecodable", b"neither"),
        (topics.LABELS, "bad-message", b"\xff\0 not JSON"),
    ]
    assert len(sent) == 1
