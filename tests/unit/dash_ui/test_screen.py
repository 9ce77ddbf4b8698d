import itertools
import json
from dataclasses import replace

import pytest
from dash._utils import to_json

from dash_ui import sessions
from dash_ui.asks import Answer, image
from dash_ui.asks import stats as stats_ask
from dash_ui.asks import system as system_ask
from dash_ui.board import KEPT_STATS, Board, Link
from dash_ui.client import ApiProblem
from dash_ui.data import Race, Stats
from dash_ui.pages.live import origin
from dash_ui.parts import Part
from dash_ui.sessions import Held
from dash_ui.view import View
from tests.support.fake_races import FakeModel, FakeWorld
from tests.unit.dash_ui.screens import answered, open_page, told

MAX_REFRESH_BYTES = 20_000


@pytest.fixture
def board() -> Board:
    board = Board()
    board.take_link(Link("live"))
    return board


def test_only_what_changed_is_sent(board: Board, race: Race) -> None:
    screen = open_page(board)
    assert set(told(screen)) >= {
        "link",
        "banner",
        "note",
        "race",
        "strip",
        "stats",
        "race-title",
        "race-tools",
        "pulse",
    }
    assert set(told(screen)) == {"pulse"}
    board.take_verdict(race)
    assert set(told(screen)) == {"race", "race-meta", "strip", "pulse"}


def test_a_refresh_stays_small(board: Board, world: FakeWorld) -> None:
    world.models.append(FakeModel("mobilenet-int8", 1.2, 0.7))
    screen = open_page(board)
    for _ in range(30):
        board.take_verdict(Race.from_verdict(world.race()))
    for _ in range(KEPT_STATS):
        board.take_stats(Stats.parse(world.stats("1m")))
    screen.updates()
    board.take_verdict(Race.from_verdict(world.race()))
    board.take_stats(Stats.parse(world.stats("1m")))
    sent = sum(len(to_json({"componentId": name, "props": props})) for name, props in screen.updates())
    assert sent <= MAX_REFRESH_BYTES


def test_of_parts_that_all_change_all_the_time_none_waits_for_ever(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = itertools.count()

    def large(_: object) -> list[Part]:
        now = next(rounds)
        return [(name, now, lambda: {"text": "x" * 8_000}) for name in "abcde"]

    monkeypatch.setattr("dash_ui.pages.parts", large)
    screen = open_page(board)
    sent = ["".join(name for name in told(screen) if len(name) == 1) for _ in range(5)]
    assert sent == ["ab", "cd", "ea", "bc", "da"]


def test_before_anything_is_known_the_page_loads_and_then_waits(board: Board) -> None:
    board.take_link(Link("connecting"))
    screen = open_page(board)
    assert "Loading" in told(screen)["race"]
    board.take_link(Link("live"))
    assert "Waiting for the first image" in told(screen)["race"]


def test_when_the_api_is_down_the_banner_shows_and_the_last_image_stays(board: Board, race: Race) -> None:
    board.take_verdict(race)
    screen = open_page(board, api_url="http://api:1")
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
    screen = open_page(board, f"/?pin={race.image_id}")
    first = told(screen)
    assert f"/original/{race.image_id}" in first["race"]
    assert "Pinned image" in first["race-title"]
    assert '"href": "/"' in first["race-tools"]
    board.take_verdict(replace(race, image_id="newer"))
    assert set(told(screen)) == {"strip", "pulse"}
    screen.scene.session.view = View()
    now = told(screen)
    assert "/thumb/newer" in now["race"]
    assert "Newest image" in now["race-title"]


def test_a_pinned_image_that_is_not_there_is_awaited_then_explained(board: Board, race: Race) -> None:
    screen = open_page(board, "/?pin=gone")
    assert "Loading" in told(screen)["race"]
    answered(screen.scene.asks, image("gone"), Answer(error=ApiProblem(404, "No such image", "", "not-here")))
    assert "No such image" in told(screen)["race"]
    verdict = FakeWorld().race(image_id="gone")
    answered(screen.scene.asks, image("gone"), Answer({"image": verdict, **verdict, "verdict": verdict}))
    assert "/original/gone" in told(screen)["race"]


def test_a_paused_page_holds_its_images_and_counts_the_new_ones(board: Board, race: Race) -> None:
    board.take_verdict(race)
    screen = open_page(board)
    screen.scene.session.held = Held(board.races(), board.taken)
    assert "Paused" in told(screen)["race-title"]
    board.take_verdict(replace(race, image_id="newer"))
    assert set(told(screen)) == {"race-tools", "pulse"}
    board.take_verdict(replace(race, image_id="newest"))
    assert "2 new images" in told(screen)["race-tools"]
    screen.scene.session.held = None
    assert "/thumb/newest" in told(screen)["race"]


def test_one_camera_alone(board: Board, race: Race) -> None:
    board.take_verdict(replace(race, image_id="a", camera_id="door"))
    board.take_verdict(replace(race, image_id="b", camera_id="yard"))
    screen = open_page(board, "/?camera=door")
    now = told(screen)
    assert "/thumb/a" in now["race"]
    assert "/thumb/b" not in now["strip"]
    assert "yard" in now["cameras"]


def test_a_camera_is_chosen_on_a_paused_page_too(board: Board, race: Race) -> None:
    board.take_verdict(replace(race, image_id="a", camera_id="door"))
    board.take_verdict(replace(race, image_id="b", camera_id="yard"))
    screen = open_page(board, "/?camera=yard")
    screen.scene.session.held = Held(board.races(), board.taken)
    told(screen)
    board.take_verdict(replace(race, image_id="later", camera_id="door"))
    screen.scene.session.view = View.parse("/?camera=door")
    now = told(screen)
    assert "/thumb/a" in now["race"]
    assert "/thumb/a" in now["strip"]
    assert "/thumb/b" not in now["strip"]


def test_each_page_speaks_its_own_language(board: Board, race: Race) -> None:
    board.take_verdict(race)
    english, spanish = told(open_page(board)), told(open_page(board, language="es"))
    assert "Consensus" in english["race"]
    assert "Consenso" in spanish["race"]
    assert "gato" in spanish["race"]


def test_a_model_that_could_not_be_reloaded_is_named_on_top(board: Board) -> None:
    board.take_models([{"model": "resnet50", "reload_error": {"error": "no such file"}}])
    assert "no such file" in told(open_page(board))["note"]


def test_an_image_that_stays_gets_its_original(board: Board, race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(sessions.time, "monotonic", lambda: clock[0])
    board.take_verdict(race)
    screen = open_page(board)
    assert f"/thumb/{race.image_id}" in told(screen)["race"]
    clock[0] += 1.1
    assert f"/original/{race.image_id}" in told(screen)["race"]


def test_the_table_follows_the_window_chosen(board: Board, world: FakeWorld) -> None:
    world.race()
    board.take_stats(Stats.parse(world.stats("1m")))
    screen = open_page(board)
    assert '"data-window": "1m"' in told(screen)["stats"]
    screen.scene.session.view = View.parse("/?window=15m")
    assert "Waiting for the figures" in told(screen)["stats"]
    answered(screen.scene.asks, stats_ask("15m"), Answer(world.stats("15m")))
    assert '"data-window": "15m"' in told(screen)["stats"]
    answered(screen.scene.asks, system_ask(), Answer({"lags": {"streamapp-resnet50": 4321, "streamapp-stats": 9}}))
    assert "4,321" in told(screen)["stats"]


def test_untrained_models_are_named_on_top(board: Board, world: FakeWorld) -> None:
    world.models[2].trained = False
    board.take_verdict(Race.from_verdict(world.race()))
    assert "resnet50" in told(open_page(board))["note"]


def test_where_an_image_comes_from(race: Race) -> None:
    assert origin(race) == "CIFAR-10 · just now"
    assert origin(replace(race, source="webcam", camera_id="door")) == "webcam · camera door · just now"
