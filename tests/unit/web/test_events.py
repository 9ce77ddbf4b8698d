"""Live events: every reader gets them, a slow one is dropped, a stopping server ends them."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from streamapp.web import broadcast, events
from streamapp.web import live as live_module
from streamapp.web.broadcast import Broadcast, Event
from tests.unit.web.doubles import make_context, running_api, until
from tests.unit.web.messages import alert, verdict


async def next_event(answer: aiohttp.ClientResponse) -> tuple[str, Any]:
    """The next event, or the next comment under the name ':'."""
    name, data, _ = await next_with_id(answer)
    return name, data


async def next_with_id(answer: aiohttp.ClientResponse) -> tuple[str, Any, str]:
    """The next event with its id."""
    async with asyncio.timeout(3):
        name = number = ""
        while True:
            line = (await answer.content.readline()).decode().rstrip("\n")
            if line.startswith(":"):
                return ":", line[1:].strip(), ""
            kind, _, value = line.partition(": ")
            if kind == "id":
                number = value
            if kind == "event":
                name = value
            if kind == "data":
                return name, json.loads(value), number


async def test_a_verdict_reaches_every_reader_with_its_thumbnail() -> None:
    context, one = make_context(), verdict(uuid4())
    async with (
        running_api(context) as client,
        client.get("/api/v1/events") as first,
        client.get("/api/v1/events") as second,
    ):
        assert first.content_type == "text/event-stream"
        assert first.headers["Cache-Control"] == "no-store"
        for answer in (first, second):
            assert await next_event(answer) == (":", "welcome")
        assert context.metrics.registry.get_sample_value("streamapp_sse_readers") == 2
        context.live.apply_verdict(one)
        for answer in (first, second):
            name, data = await next_event(answer)
            assert name == "verdict"
            assert data.pop("thumbnail_url") == f"/api/v1/images/{one.image_id}/thumbnail"
            assert data == one.model_dump(mode="json")


async def test_figures_come_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "STATS_EVENT_S", 0.02)
    async with running_api(make_context()) as client, client.get("/api/v1/events") as answer:
        await next_event(answer)
        assert await next_event(answer) == (
            "stats",
            {"window": "1m", "models": [], "ensemble": {"accuracy": None, "labelled": 0}},
        )


async def test_silence_is_filled_with_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "STATS_EVENT_S", 60)
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.02)
    async with running_api(make_context()) as client, client.get("/api/v1/events") as answer:
        await next_event(answer)
        assert await next_event(answer) == (":", "heartbeat")


async def test_a_reader_that_leaves_is_forgotten() -> None:
    context = make_context()
    async with running_api(context) as client:
        async with client.get("/api/v1/events") as answer:
            await next_event(answer)
        for _ in range(3):
            context.live.apply_verdict(verdict(uuid4()))
            await asyncio.sleep(0.01)
        await until(lambda: context.metrics.registry.get_sample_value("streamapp_sse_readers") == 0)
        assert len(context.live._broadcast) == 0


async def test_a_reader_that_does_not_read_is_dropped_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "WRITE_TIMEOUT_S", 0.2)
    context = make_context()
    large = Event("verdict", b'"' + b"x" * 1_000_000 + b'"')
    async with running_api(context) as client, client.get("/api/v1/events") as answer:
        await next_event(answer)
        for _ in range(2 * broadcast.QUEUE_EVENTS):
            context.live._broadcast.send(large)
        assert len(context.live._broadcast) == 0
        await until(lambda: context.metrics.registry.get_sample_value("streamapp_sse_readers") == 0)


async def test_a_stopping_server_ends_its_readers_at_once() -> None:
    context = make_context()
    async with asyncio.timeout(3):
        async with running_api(context) as client:
            answer = await client.get("/api/v1/events")
            await next_event(answer)
            context.live.close()
            assert (await answer.content.read()).strip() == b""
            late = await client.get("/api/v1/events")
            assert await late.content.read() == b": welcome\n\n"


async def test_a_full_queue_drops_its_reader_alone() -> None:
    everyone = Broadcast()
    slow, quick = everyone.subscribe(), everyone.subscribe()
    for number in range(broadcast.QUEUE_EVENTS + 1):
        everyone.send(Event("verdict", b"%d" % number))
        assert (await anext(quick)).data == b"%d" % number
    assert slow.dropped and not quick.dropped
    assert [event async for event in slow] == []
    assert len(everyone) == 1


async def test_nobody_reads_nothing_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "STATS_EVENT_S", 0.01)
    context = make_context()
    subscription = context.live.subscribe()
    assert (await anext(subscription)).name == "stats"
    subscription.end()
    ticker = context.live._ticker
    assert ticker is not None
    await asyncio.wait_for(ticker, 1)


async def test_a_reader_who_comes_back_gets_what_it_has_missed_and_no_more() -> None:
    context = make_context()
    ids = [uuid4() for _ in range(5)]
    async with running_api(context) as client:
        async with client.get("/api/v1/events") as answer:
            await next_event(answer)
            for image_id in ids[:2]:
                context.live.apply_verdict(verdict(image_id))
            _, data, last = await next_with_id(answer)
            assert data["image_id"] == str(ids[0])
        await until(lambda: context.live.readers == 0)
        for image_id in ids[2:4]:
            context.live.apply_verdict(verdict(image_id))
        async with client.get("/api/v1/events", headers={"Last-Event-ID": last}) as answer:
            assert await next_event(answer) == (":", "welcome back")
            context.live.apply_verdict(verdict(ids[4]))
            seen = [await next_with_id(answer) for _ in range(4)]
    assert [data["image_id"] for _, data, _ in seen] == [str(image_id) for image_id in ids[1:]]
    assert len({number for _, _, number in seen}) == 4


async def test_a_reader_who_has_missed_nothing_gets_nothing() -> None:
    context = make_context()
    context.live.apply_verdict(verdict(uuid4()))
    last = context.live._broadcast._kept[-1].id
    async with (
        running_api(context) as client,
        client.get("/api/v1/events", headers={"Last-Event-ID": last}) as answer,
    ):
        assert await next_event(answer) == (":", "welcome back")
        assert (await next_event(answer))[0] == "stats"


@pytest.mark.parametrize("last", ["0000-5", "x", "{series}-", "{series}-99", "{series}-1", "{series}-²", "9" * 5000])
async def test_what_is_not_known_any_more_is_a_gap(last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "KEPT_EVENTS", 3)
    context = make_context()
    for _ in range(6):
        context.live.apply_verdict(verdict(uuid4()))
    header = last.format(series=context.live._broadcast._series).encode().decode("latin-1")
    async with (
        running_api(context) as client,
        client.get("/api/v1/events", headers={"Last-Event-ID": header}) as answer,
    ):
        assert await next_event(answer) == (":", "welcome back")
        assert await next_event(answer) == ("gap", {})
        context.live.apply_verdict(verdict(uuid4()))
        assert (await next_event(answer))[0] == "verdict"


async def test_an_alert_is_an_event() -> None:
    context, one = make_context(), alert()
    async with running_api(context) as client, client.get("/api/v1/events") as answer:
        await next_event(answer)
        context.live.send_alert(one)
        name, data, number = await next_with_id(answer)
    assert (name, data) == ("alert", one.model_dump(mode="json"))
    assert data["state"] == "firing" and number


async def test_several_events_are_written_at_once_in_their_order() -> None:
    everyone = Broadcast()
    reader = everyone.subscribe()
    for number in range(5):
        everyone.keep("verdict", b"%d" % number)
    assert (await anext(reader)).data == b"0"
    assert [event.data for event in reader.waiting()] == [b"1", b"2", b"3", b"4"]
    assert reader.waiting() == []
    everyone.close()
    assert reader.waiting() == []
    assert [event async for event in reader] == []


async def test_readers_get_everything_while_one_of_them_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "WRITE_TIMEOUT_S", 0.5)
    context, sent = make_context(), 400
    padding = b'"' + b"x" * 20_000 + b'"'

    async def read(client: Any) -> int:
        count = 0
        async with client.get("/api/v1/events") as answer:
            async for line in answer.content:
                count += line == b"event: verdict\n"
                if count == sent:
                    return count
        return count

    async with running_api(context) as client, client.get("/api/v1/events") as asleep:
        await next_event(asleep)
        awake = [asyncio.create_task(read(client)) for _ in range(20)]
        await until(lambda: context.live.readers == 21)
        for _ in range(sent):
            context.live._broadcast.keep("verdict", padding)
            await asyncio.sleep(0.002)
        assert [await asyncio.wait_for(one, 30) for one in awake] == [sent] * 20
        await until(lambda: context.live.readers == 0)
