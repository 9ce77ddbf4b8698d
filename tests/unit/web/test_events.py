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
from tests.unit.web.messages import verdict


async def next_event(answer: aiohttp.ClientResponse) -> tuple[str, Any]:
    """The next event, or the next comment under the name ':'."""
    async with asyncio.timeout(3):
        name = ""
        while True:
            line = (await answer.content.readline()).decode().rstrip("\n")
            if line.startswith(":"):
                return ":", line[1:].strip()
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: "):
                return name, json.loads(line.removeprefix("data: "))


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
