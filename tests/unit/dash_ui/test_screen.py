import json
from dataclasses import replace
from typing import Any

import pytest
from dash._utils import to_json

from dash_ui import screen as screen_module
from dash_ui.board import Board, Link
from dash_ui.data import Race, Stats
from dash_ui.screen import Screen, origin
from dash_ui.sessions import Session
from tests.support.fake_races import FakeModel, FakeWorld

MAX_REFRESH_BYTES = 20_000


@pytest.fixture
def board() -> Board:
    board = Board()
    board.take_link(Link("live"))
    return board


def told(screen: Screen) -> dict[str, Any]:
    """What a page is told now: component id → the text and properties, as JSON."""
    return {component_id: json.dumps(props, ensure_ascii=False) for component_id, props in screen.updates()}


def test_only_what_changed_is_sent(board: Board, race: Race) -> None:
    screen = Screen(board, Session("1m", None), "http://api")
    assert set(told(screen)) >= {"link", "banner", "note", "race", "strip", "stats", "race-title", "follow", "pulse"}
    assert set(told(screen)) == {"pulse"}
    board.take_verdict(race)
    assert set(told(screen)) == {"race", "race-meta", "strip", "pulse"}


def test_a_refresh_stays_small(board: Board, world: FakeWorld) -> None:
    world.models.append(FakeModel("mobilenet-int8", 1.2, 0.7))
    screen = Screen(board, Session("1m", None), "http://api")
    for _ in range(30):
        board.take_verdict(Race.from_verdict(world.race()))
    board.take_stats(Stats.parse(world.stats("1m")))
    screen.updates()
    board.take_verdict(Race.from_verdict(world.race()))
    board.take_stats(Stats.parse(world.stats("1m")))
    sent = sum(len(to_json({"componentId": name, "props": props})) for name, props in screen.updates())
    assert sent <= MAX_REFRESH_BYTES


def test_before_anything_is_known_the_page_loads_and_then_waits(board: Board) -> None:
    board.take_link(Link("connecting"))
    screen = Screen(board, Session("1m", None), "http://api")
    assert "Loading" in told(screen)["race"]
    board.take_link(Link("live"))
    assert "Waiting for the first image" in told(screen)["race"]


def test_when_the_api_is_down_the_banner_shows_and_the_last_image_stays(board: Board, race: Race) -> None:
    board.take_verdict(race)
    screen = Screen(board, Session("1m", None), "http://api:1")
    screen.updates()
    board.take_link(Link("down", "refused"))
    now = told(screen)
    assert "The API at http://api:1 does not answer" in now["banner"]
    assert "API down" in now["link"]
    assert "race" not in now
    board.take_link(Link("live"))
    assert told(screen)["banner"] == json.dumps({"tree": []})


def test_a_pinned_image_stays_while_others_come(board: Board, race: Race) -> None:
    board.take_verdict(race)
    session = Session("1m", race.image_id)
    screen = Screen(board, session, "http://api")
    first = told(screen)
    assert f"/original/{race.image_id}" in first["race"]
    assert "Pinned image" in first["race-title"]
    assert first["follow"] == '{"hidden": false}'
    board.take_verdict(replace(race, image_id="newer"))
    assert set(told(screen)) == {"strip", "pulse"}
    session.pinned = None
    now = told(screen)
    assert "/thumb/newer" in now["race"]
    assert now["follow"] == '{"hidden": true}'


def test_a_pinned_image_that_is_not_there_is_awaited_then_explained(board: Board) -> None:
    session = Session("1m", "gone")
    screen = Screen(board, session, "http://api")
    assert "Loading" in told(screen)["race"]
    session.missing = ("gone", "No such image")
    assert "No such image" in told(screen)["race"]


def test_an_image_that_stays_gets_its_original(board: Board, race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(screen_module.time, "monotonic", lambda: clock[0])
    board.take_verdict(race)
    screen = Screen(board, Session("1m", None), "http://api")
    assert f"/thumb/{race.image_id}" in told(screen)["race"]
    clock[0] += 1.1
    assert f"/original/{race.image_id}" in told(screen)["race"]


def test_the_table_follows_the_window_chosen(board: Board, world: FakeWorld) -> None:
    world.race()
    board.take_stats(Stats.parse(world.stats("1m")))
    session = Session("1m", None)
    screen = Screen(board, session, "http://api")
    assert '"data-window": "1m"' in told(screen)["stats"]
    session.window = "15m"
    assert "Waiting for the figures" in told(screen)["stats"]
    board.take_stats(Stats.parse(world.stats("15m")))
    assert '"data-window": "15m"' in told(screen)["stats"]


def test_untrained_models_are_named_on_top(board: Board, world: FakeWorld) -> None:
    world.models[2].trained = False
    board.take_verdict(Race.from_verdict(world.race()))
    assert "resnet50" in told(Screen(board, Session("1m", None), "x"))["note"]


def test_where_an_image_comes_from(race: Race) -> None:
    assert origin(race) == "CIFAR-10 · just now"
    assert origin(replace(race, source="webcam", camera_id="door")) == "webcam · camera door · just now"
