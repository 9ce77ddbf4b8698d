import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from dash_ui import asks as asks_module
from dash_ui import pages
from dash_ui.asks import Ask, Asks
from dash_ui.board import Board
from dash_ui.client import ApiDown
from dash_ui.parts import Scene
from dash_ui.screen import Screen
from dash_ui.sessions import Session
from dash_ui.view import View
from tests.support.fake_races import FakeWorld
from tests.unit.dash_ui.pieces import until
from tests.unit.dash_ui.screens import told

ONCE, OFTEN = Ask("/once"), Ask("/often", every_s=0.05)


class Counting:
    """Answers with how often it was asked; may be down."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down = False

    async def get(self, path: str, params: Iterable[tuple[str, str]] = ()) -> Any:
        self.asked.append(path)
        await asyncio.sleep(0)
        if self.down:
            raise ApiDown("refused")
        return {"n": self.asked.count(path)}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asks_module, "TICK_S", 0.01)
    monkeypatch.setattr(asks_module, "RETRY_S", 0.05)


@asynccontextmanager
async def running(api: Counting, wanted: set[Ask]) -> AsyncIterator[Asks]:
    asks = Asks(api, lambda: wanted, lambda _: None)
    async with asks.running():
        yield asks


def data(asks: Asks, ask: Ask) -> Any:
    answer = asks.answer(ask)
    return answer and answer.data


async def test_some_things_are_asked_once_and_others_again_and_again() -> None:
    api = Counting()
    async with running(api, {ONCE, OFTEN}) as asks:
        await until(lambda: api.asked.count("/often") > 3)
        assert data(asks, ONCE) == {"n": 1}
    assert api.asked.count("/once") == 1


async def test_what_nobody_wants_is_not_asked_for() -> None:
    api, wanted = Counting(), {OFTEN}
    async with running(api, wanted) as asks:
        await until(lambda: bool(asks.answer(OFTEN)))
        wanted.clear()
        await asyncio.sleep(0.05)
        before = len(api.asked)
        await asyncio.sleep(0.2)
        assert len(api.asked) == before
        assert asks.answer(OFTEN) is not None, "it is kept for who comes back"


async def test_when_the_api_fails_the_last_data_stay_beside_the_error_until_it_is_back() -> None:
    api = Counting()
    async with running(api, {OFTEN}) as asks:
        await until(lambda: bool(asks.answer(OFTEN)))
        api.down = True
        await until(lambda: (answer := asks.answer(OFTEN)) is not None and answer.error is not None)
        assert data(asks, OFTEN)["n"] >= 1
        api.down = False
        await until(lambda: (answer := asks.answer(OFTEN)) is not None and answer.error is None)


async def test_a_refresh_asks_for_everything_anew() -> None:
    api = Counting()
    async with running(api, {ONCE}) as asks:
        await until(lambda: data(asks, ONCE) == {"n": 1})
        asks.refresh()
        await until(lambda: data(asks, ONCE) == {"n": 2})


async def test_a_refresh_of_a_path_leaves_the_others_alone() -> None:
    api, figures = Counting(), Ask("/figures/past")
    async with running(api, {ONCE, figures}) as asks:
        await until(lambda: None not in (asks.answer(ONCE), asks.answer(figures)))
        before = asks.answer(ONCE)
        asks.refresh("/figures")
        told = data(asks, figures)
        await until(lambda: data(asks, figures) != told)
        assert asks.answer(ONCE) is before


@pytest.mark.parametrize(("url", "part"), [("/?pin={}", "race"), ("/images?open={}", "images-detail")])
async def test_an_image_is_asked_for_until_it_has_its_verdict(
    url: str, part: str, world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API answers as soon as it has accepted an image; on the board its verdict may come and go meanwhile."""
    monkeypatch.setattr(asks_module, "time", SimpleNamespace(monotonic=lambda: 100 * time.monotonic()))
    race = world.race()
    answer: dict[str, Any] = {"image": race, "predictions": [], "verdict": None}

    class Accepted:
        async def get(self, path: str, params: Iterable[tuple[str, str]] = ()) -> Any:
            return answer if race["image_id"] in path else {"images": [], "next": None, "lags": {}}

    board, session = Board(), Session(View.parse(url.format(race["image_id"])))
    asks = Asks(Accepted(), lambda: set(pages.wants(session.view, board)), lambda _: None)
    screen, shown = Screen(Scene(board, session, asks, "http://api")), dict[str, str]()

    def says(words: str) -> bool:
        shown.update(told(screen))
        return words in shown[part]

    async with asks.running():
        await until(lambda: says("Waiting for the models"))
        answer = {"image": race, "predictions": race["predictions"], "verdict": race}
        await until(lambda: not says("Waiting for the models"), 3)
    assert says("Consensus")


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asks_module, "KEEP_S", 0.05)
    api, wanted = Counting(), {ONCE}
    async with running(api, wanted) as asks:
        await until(lambda: bool(asks.answer(ONCE)))
        wanted.clear()
        await until(lambda: asks.answer(ONCE) is None)
