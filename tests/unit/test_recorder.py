import asyncio
import logging
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from streamapp import recorder as recorder_module
from streamapp import topics
from streamapp.errors import RowRefused, StoreUnavailable
from streamapp.letters import VALUE_BYTES
from streamapp.metrics import Metrics
from streamapp.recorded import ROW_BYTES
from streamapp.recorder import Recorder
from streamapp.records import DeadLetter, Record
from streamapp.storage.rows import Rows
from tests.contract.events import FakeEvent, Topic, settings_for
from tests.contract.examples import dead_letter, image, label, prediction, verdict


def records(rows: Rows) -> list[Record]:
    images = [placed.image for placed in rows.images]
    return [*images, *rows.predictions, *rows.verdicts, *rows.labels, *rows.dead_letters, *rows.shed]


@dataclass
class Shelf:
    """A store that can be down, can hang, and refuses what it was told to refuse."""

    batches: list[list[Record]] = field(default_factory=list)
    up: bool = True
    open: asyncio.Event = field(default_factory=asyncio.Event)
    refused: list[Any] = field(default_factory=list)
    calls: int = 0

    async def store(self, rows: Rows) -> dict[str, int]:
        self.calls += 1
        await self.open.wait()
        if not self.up:
            raise StoreUnavailable("PostgreSQL at x is not available")
        batch = records(rows)
        if any(getattr(one, "image_id", None) in self.refused for one in batch):
            raise RowRefused("PostgreSQL refuses a row")
        self.batches.append(batch)
        return {"outcomes": len(batch)}

    @property
    def stored(self) -> list[Record]:
        return [one for batch in self.batches for one in batch]


@dataclass
class Bench:
    """A recorder at work, with everything around it."""

    recorder: Recorder
    shelf: Shelf
    topic: Topic
    sent: list[DeadLetter]
    metrics: Metrics
    running: asyncio.Task[None]

    async def submit(self, *what: Record | FakeEvent) -> list[FakeEvent]:
        events = [self.topic.event(one) if isinstance(one, Record) else one for one in what]
        for event in events:
            await self.recorder.submit(event)
        return events

    async def acknowledged(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.topic.acks) < count:  # noqa: ASYNC110  # events tell nobody that they were acknowledged
                await asyncio.sleep(0.005)

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def bench(rows: int = 100, wait_s: float = 0.01) -> AsyncIterator[Bench]:
    shelf, sent, metrics = Shelf(), [], Metrics(CollectorRegistry())
    shelf.open.set()

    async def send(letter: DeadLetter) -> None:
        await asyncio.sleep(0)
        sent.append(letter)

    recorder = Recorder(settings_for(rows, wait_s), shelf, send, metrics)
    running = asyncio.create_task(recorder.run())
    try:
        yield Bench(recorder, shelf, Topic(), sent, metrics, running)
    finally:
        running.cancel()
        await asyncio.wait({running})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(recorder_module, "LONGEST_PAUSE_S", 0.02)


async def test_every_kind_of_message_is_stored_and_acknowledged_in_the_order_of_arrival() -> None:
    one = uuid4()
    said: list[Record] = [
        *(image(one), prediction(one), verdict(one, 1, complete=True), label(one, "cat"), dead_letter(image_id=one)),
        *(prediction(one, "mobilenet"), image()),
    ]
    async with bench() as b:
        events = await b.submit(*said)
        await b.acknowledged(len(said))
    assert sorted(one.encode() for one in b.shelf.stored) == sorted(one.encode() for one in said)
    assert b.topic.acks == events
    assert b.sent == []


async def test_nothing_is_acknowledged_before_it_is_stored() -> None:
    async with bench() as b:
        b.shelf.open.clear()
        await b.submit(prediction(), prediction())
        await asyncio.sleep(0.05)
        assert b.shelf.calls == 1
        assert b.topic.acks == []
        b.shelf.open.set()
        await b.acknowledged(2)


async def test_rows_are_stored_in_batches_of_the_size_that_is_set() -> None:
    async with bench(rows=10, wait_s=30) as b:
        b.shelf.open.clear()
        await b.submit(prediction())
        await asyncio.sleep(0.02)
        asyncio.get_running_loop().call_later(0.02, b.shelf.open.set)
        await b.submit(*(prediction() for _ in range(30)))
        await b.recorder.stop()
    assert [len(batch) for batch in b.shelf.batches] == [1, 10, 10, 10]
    assert len(b.topic.acks) == 31


# -- the store is away -------------------------------------------------------------------------------------------------


async def test_an_outage_loses_nothing_holds_little_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    said = [prediction() for _ in range(60)]
    async with bench(rows=10) as b:
        b.shelf.up = False
        with caplog.at_level(logging.INFO):
            feeding = asyncio.create_task(b.submit(*said))
            await asyncio.sleep(0.15)
            assert b.shelf.calls > 3, "it keeps trying"
            assert b.topic.acks == []
            assert b.topic.offset == 60
            assert b.recorder.held <= 20
            assert not feeding.done(), "back-pressure: it takes no more events"
            assert len(caplog.records) == 1

            b.shelf.up = True
            events = await feeding
            await b.acknowledged(60)
            assert len(caplog.records) == 2

            b.shelf.up = False
            await b.submit(prediction())
            await asyncio.sleep(0.05)
            assert len(caplog.records) == 3, "the next outage is another one"
    assert b.shelf.stored == said
    assert b.topic.acks == events
    assert b.metric("streamapp_store_failures_total", store="postgres") > 3


async def test_large_messages_take_more_room() -> None:
    async with bench(rows=10) as b:
        b.shelf.up = False
        large = prediction(label="x" * (9 * ROW_BYTES))
        await b.submit(prediction(), large)
        assert b.recorder.held == 1 + 10
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(b.submit(large), 0.05)


async def test_a_stop_stores_what_was_taken() -> None:
    async with bench(wait_s=30) as b:
        await b.submit(prediction())
        await b.acknowledged(1)
        said = [prediction() for _ in range(5)]
        await b.submit(*said)
        assert len(b.topic.acks) == 1
        await b.recorder.stop()
        assert b.shelf.stored[1:] == said
        assert len(b.topic.acks) == 6
        assert b.running.done()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(b.submit(prediction()), 0.05)


async def test_a_stop_in_an_outage_ends_in_time_and_acknowledges_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with bench() as b:
        b.shelf.up = False
        await b.submit(prediction(), prediction())
        async with asyncio.timeout(1):
            await b.recorder.stop(timeout_s=0.1)
        await asyncio.sleep(0.01)
        assert b.running.cancelled()
    assert b.topic.acks == []
    assert "2 rows" in caplog.text


async def test_a_defect_ends_the_run_and_acknowledges_nothing() -> None:
    async with bench() as b:
        b.shelf.store = None  # type: ignore[assignment,method-assign]
        await b.submit(prediction())
        with pytest.raises(TypeError):
            async with asyncio.timeout(1):
                await b.running
    assert b.topic.acks == []


# -- what cannot be stored ---------------------------------------------------------------------------------------------


async def test_a_refused_row_alone_becomes_a_dead_letter() -> None:
    said = [prediction() for _ in range(20)]
    bad = said[13]
    async with bench() as b:
        b.shelf.open.clear()
        b.shelf.refused = [bad.image_id]
        events = await b.submit(*said)
        b.shelf.open.set()
        await b.acknowledged(20)
    assert b.topic.acks == events
    assert b.shelf.stored == [one for one in said if one is not bad]
    [letter] = b.sent
    assert (letter.group, letter.stage, letter.reason) == ("streamapp-recorder", "record", "row-refused")
    assert (letter.image_id, letter.model, letter.run_id) == (bad.image_id, bad.model, "live")
    message = events[13].message
    assert (letter.topic, letter.partition, letter.offset) == (message.topic, message.partition, message.offset)
    assert b64decode(letter.value) == message.value
    assert b.metric("streamapp_dead_letters_total", model="resnet50", stage="record") == 1


async def test_a_refused_label_is_no_model_s_outcome() -> None:
    bad = label(uuid4(), "cat")
    async with bench() as b:
        b.shelf.refused = [bad.image_id]
        await b.submit(bad)
        await b.acknowledged(1)
    assert [(letter.image_id, letter.model) for letter in b.sent] == [(bad.image_id, None)]


async def test_the_dead_letter_is_with_the_broker_before_the_row_is_acknowledged() -> None:
    async with bench() as b:
        order: list[str] = []

        async def slow(letter: DeadLetter) -> None:
            await asyncio.sleep(0.05)
            order.append(f"sent {letter.stage}, {len(b.topic.acks)} acknowledged")

        b.recorder._dead_letter = slow
        bad = prediction()
        b.shelf.refused = [bad.image_id]
        await b.submit(bad, b.topic.raw(topics.IMAGES, b"{}"))
        await b.acknowledged(2)
    assert order == ["sent record, 0 acknowledged", "sent decode, 0 acknowledged"] or order == [
        *("sent record, 0 acknowledged", "sent decode, 1 acknowledged"),
    ]


@pytest.mark.parametrize("topic", [topics.IMAGES, topics.PREDICTIONS, topics.VERDICTS, topics.LABELS])
@pytest.mark.parametrize("value", [None, b"", b"\xff\0", b"[]", b'{"image_id": 1}'], ids=repr)
async def test_what_cannot_be_decoded_becomes_a_dead_letter(topic: str, value: bytes | None) -> None:
    good = prediction()
    async with bench() as b:
        events = await b.submit(b.topic.raw(topic, value), good)
        await b.acknowledged(2)
    assert b.topic.acks == events
    assert b.shelf.stored == [good]
    [letter] = b.sent
    assert (letter.group, letter.stage, letter.image_id) == ("streamapp-recorder", "decode", None)
    assert (letter.topic, letter.partition, letter.offset) == (topic, 5, 1)
    assert b64decode(letter.value) == (value or b"")
    assert b.metric("streamapp_dead_letters_total", model="", stage="decode") == 1


@pytest.mark.parametrize("value", [None, b"\xff", b"{}", dead_letter().encode().replace(b'"value":"', b'"value":"!')])
async def test_what_cannot_be_decoded_on_the_dead_letter_topic_is_stored(value: bytes | None) -> None:
    async with bench() as b:
        await b.submit(b.topic.raw(topics.DEAD_LETTERS, value))
        await b.acknowledged(1)
    assert b.sent == [], "it would go round and round"
    [letter] = b.shelf.stored
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.topic, letter.partition, letter.offset) == ("undecodable", topics.DEAD_LETTERS, 5, 1)
    assert b64decode(letter.value) == (value or b"")


async def test_a_refused_dead_letter_is_stored_cleaned_and_never_sent_again(caplog: pytest.LogCaptureFixture) -> None:
    class Postgres(Shelf):
        async def store(self, rows: Rows) -> dict[str, int]:
            if any("\0" in one.model_dump_json().replace("\\u0000", "\0") for one in records(rows)):
                raise RowRefused("invalid byte sequence: 0x00")
            return await super().store(rows)

    bad = dead_letter(error="a\0b", model="c\0d", image_id=uuid4())
    async with bench() as b:
        b.recorder._db = b.shelf = Postgres()
        b.shelf.open.set()
        await b.submit(bad)
        await b.acknowledged(1)
    assert b.shelf.stored == [bad.model_copy(update={"error": "ab", "model": "cd"})]
    assert b.sent == []
    assert [record.levelname for record in caplog.records if record.levelno >= logging.ERROR] == ["ERROR"]


async def test_a_dead_letter_that_is_refused_even_cleaned_is_kept_as_bytes() -> None:
    bad = dead_letter(image_id=uuid4())
    async with bench() as b:
        b.shelf.refused = [bad.image_id]
        await b.submit(bad)
        await b.acknowledged(1)
    [letter] = b.shelf.stored
    assert isinstance(letter, DeadLetter)
    assert (letter.image_id, letter.topic, letter.offset) == (None, topics.DEAD_LETTERS, 1)
    assert b64decode(letter.value) == bad.encode()
    assert b.sent == []


async def test_the_value_of_a_dead_letter_fits_into_a_message() -> None:
    async with bench() as b:
        await b.submit(b.topic.raw(topics.IMAGES, b"x" * 1_000_000))
        await b.acknowledged(1)
    [letter] = b.sent
    assert len(letter.encode()) < 1_000_000
    assert len(b64decode(letter.value)) == VALUE_BYTES
    assert "1000000 bytes" in letter.error


async def test_rows_and_batches_are_counted() -> None:
    async with bench() as b:
        await b.submit(prediction(), prediction())
        await b.acknowledged(2)
    assert b.metric("streamapp_recorded_rows_total", table="outcomes") == 2
    assert b.metric("streamapp_record_batch_seconds_count") >= 1
