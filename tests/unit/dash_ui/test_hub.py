import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from dash_ui import asks
from dash_ui import hub as hub_module
from dash_ui.client import ApiDown, ApiProblem
from dash_ui.hub import Hub
from dash_ui.sessions import Held
from dash_ui.view import View
from tests.support.fake_races import FakeWorld
from tests.unit.dash_ui.pieces import until


class TwinApi:
    """The API in memory: what `Api` offers, over a made-up world, with a switch."""

    url = "http://twin"

    def __init__(self) -> None:
        self.world = FakeWorld()
        self.up = True
        self.streams = 0
        self.asked: list[str] = []
        self._events: asyncio.Queue[tuple[str, Any] | None] = asyncio.Queue()

    async def __aenter__(self) -> "TwinApi":
        return self

    async def __aexit__(self, *exc: object) -> None: ...

    def of(self, key: str | None) -> "TwinApi":
        return self

    def send(self, event: str, data: Any) -> None:
        self._events.put_nowait((event, data))

    def cut(self, up: bool) -> None:
        """End the stream; `up` says whether the next try succeeds."""
        self.up = up
        self._events.put_nowait(None)

    def _check(self, what: str) -> None:
        self.asked.append(what)
        if not self.up:
            raise ApiDown("refused")

    async def newest(self, limit: int) -> list[dict[str, Any]]:
        self._check("newest")
        return [self._image(verdict) for verdict in list(self.world.races)[::-1][:limit]]

    async def get(self, path: str, params: Iterable[tuple[str, str]] = ()) -> dict[str, Any]:
        words = path.removeprefix("/api/v1/").split("/")
        if words[0] == "stats":
            return await self.stats(dict(params)["window"])
        if words[0] == "models":
            return {"models": await self.models()}
        self._check(f"image {words[1]}")
        for verdict in self.world.races:
            if verdict["image_id"] == words[1]:
                return self._image(verdict)
        raise ApiProblem(404, "No such image", "")

    async def stats(self, window: str) -> dict[str, Any]:
        self._check(f"stats {window}")
        return self.world.stats(window)

    async def picture(self, image_id: str, size: str) -> tuple[bytes, str]:
        self._check(f"{size} {image_id}")
        return b"x", "image/webp"

    async def models(self) -> list[dict[str, Any]]:
        self._check("models")
        return [{"model": model.name, "trained": model.trained} for model in self.world.models]

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        self._check("events")
        self.streams += 1
        yield self._stream()

    async def _stream(self) -> AsyncIterator[tuple[str, Any]]:
        while (event := await self._events.get()) is not None:
            yield event

    @staticmethod
    def _image(verdict: dict[str, Any]) -> dict[str, Any]:
        return {"image": verdict, "predictions": verdict["predictions"], "verdict": verdict}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> TwinApi:
    monkeypatch.setattr(hub_module, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(asks, "TICK_S", 0.02)
    return TwinApi()


@pytest.fixture
async def hub(api: TwinApi) -> AsyncIterator[Hub]:
    async with Hub(api).running() as running:  # type: ignore[arg-type]
        await until(lambda: running.board.link.state == "live")
        yield running


async def test_what_happened_before_is_on_the_board(api: TwinApi) -> None:
    old = [api.world.race()["image_id"] for _ in range(3)]
    async with Hub(api).running() as hub:  # type: ignore[arg-type]
        await until(lambda: hub.board.link.state == "live")
        assert [race.image_id for race in hub.board.latest()] == old[::-1]
        assert hub.board.stats is not None
        assert hub.board.stats.models[0].images == 3
        assert hub.board.models == ["efficientnet", "mobilenet", "resnet50"]


async def test_ten_pages_share_one_stream_and_all_are_woken(api: TwinApi, hub: Hub) -> None:
    async def follow(number: int) -> str:
        async with hub.session(str(number), View(), "en") as session:
            async for _ in session.moments():
                if hub.board.newest is not None:
                    return hub.board.newest.image_id
        raise AssertionError("the session ended")

    pages = [asyncio.create_task(follow(number)) for number in range(10)]
    await asyncio.sleep(0.05)
    verdict = api.world.race()
    api.send("verdict", verdict)
    assert await asyncio.gather(*pages) == [verdict["image_id"]] * 10
    assert api.streams == 1


async def test_a_verdict_counts_in_the_last_minute(api: TwinApi, hub: Hub) -> None:
    hub.board.minute.begin(0)
    api.send("verdict", api.world.race())
    await until(lambda: hub.board.newest is not None)
    buckets = hub.board.minute.history(None, datetime.now(UTC))["buckets"]
    assert [(each["model"], each["predictions"]) for each in buckets] == [(name, 1) for name in hub.board.models]


async def test_thumbnails_are_here_before_the_browsers_ask_while_somebody_looks(api: TwinApi, hub: Hub) -> None:
    unseen, seen = api.world.race(), api.world.race()
    api.send("verdict", unseen)
    await until(lambda: hub.board.race(unseen["image_id"]) is not None)
    async with hub.session("a", View(), "en"):
        api.send("verdict", seen)
        await until(lambda: f"thumbnail {seen['image_id']}" in api.asked)
    await hub.pictures.get(seen["image_id"])
    assert [asked for asked in api.asked if asked.startswith("thumbnail")] == [f"thumbnail {seen['image_id']}"]


async def test_a_broken_stream_is_taken_up_again_with_what_was_missed(api: TwinApi, hub: Hub) -> None:
    missed = api.world.race()
    api.cut(up=True)
    await until(lambda: api.streams == 2)
    await until(lambda: hub.board.race(missed["image_id"]) is not None)
    assert hub.board.link.state == "live"


async def test_down_is_said_only_when_trying_again_failed_and_ends_by_itself(api: TwinApi, hub: Hub) -> None:
    states = [hub.board.link.state]
    take_link = hub.board.take_link
    hub.board.take_link = lambda link: (states.append(link.state), take_link(link))[1]  # type: ignore[method-assign]
    api.cut(up=False)
    await until(lambda: hub.board.link.state == "down")
    assert hub.board.link.error == "refused"
    api.up = True
    await until(lambda: hub.board.link.state == "live")
    assert list(dict.fromkeys(states)) == ["live", "reconnecting", "down"]


async def test_an_event_that_cannot_be_read_does_not_end_the_stream(
    api: TwinApi, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    api.send("verdict", {"image_id": "x"})
    good = api.world.race()
    api.send("verdict", good)
    await until(lambda: hub.board.race(good["image_id"]) is not None)
    assert api.streams == 1
    assert "cannot read" in caplog.text


async def test_a_pinned_image_is_fetched_once_needed(api: TwinApi, hub: Hub) -> None:
    old = api.world.race()["image_id"]
    async with hub.session("a", View(), "en"):
        hub.choose("a", View.parse(f"/?pin={old}"))
        await until(lambda: bool(hub.asks.answer(asks.image(old))))
        assert f"image {old}" in api.asked
        hub.choose("a", View.parse("/?pin=unknown"))
        await until(lambda: bool(hub.asks.answer(asks.image("unknown"))))
        answer = hub.asks.answer(asks.image("unknown"))
        assert answer is not None
        assert "No such image" in str(answer.error)


async def test_longer_windows_are_asked_for_once_for_all_and_only_while_someone_looks(api: TwinApi, hub: Hub) -> None:
    assert "stats 15m" not in api.asked
    view = View.parse("/?window=15m")
    async with hub.session("a", view, "en"), hub.session("b", view, "en"):
        await until(lambda: bool(hub.asks.answer(asks.stats("15m"))))
        assert api.asked.count("stats 15m") == 1


async def test_every_page_learns_what_the_models_are(api: TwinApi, hub: Hub) -> None:
    api.world.models[0].trained = False
    async with hub.session("a", View(), "en"):
        await until(lambda: hub.board.untrained == {"efficientnet"})


async def test_a_page_that_connects_again_takes_over_from_itself_and_stays_paused(hub: Hub) -> None:
    async with hub.session("a", View(), "en") as first:
        first.held = Held((), 3)
        async with hub.session("a", View.parse("/?window=5m"), "es") as second:
            assert first.closed
            assert second.held == first.held
            hub.choose("a", View.parse("/?window=15m"))
            assert second.view.get("window") == "15m"
    assert second.closed


async def test_a_session_that_ends_is_forgotten(hub: Hub) -> None:
    async with hub.session("a", View(), "en") as session:
        pass
    hub.choose("a", View.parse("/?window=15m"))
    assert session.view == View()
