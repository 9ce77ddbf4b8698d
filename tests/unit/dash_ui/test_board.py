from dataclasses import replace

import pytest

from dash_ui import board as board_module
from dash_ui.board import KEPT_RACES, KEPT_STATS, STRIP, Board
from dash_ui.data import Race, Stats
from tests.support.fake_races import FakeModel, FakeWorld


def test_the_newest_verdict_is_shown_first(race: Race) -> None:
    board = Board()
    for number in range(20):
        board.take_verdict(replace(race, image_id=str(number)))
    assert board.newest is not None
    assert board.newest.image_id == "19"
    assert [shown.image_id for shown in board.latest()] == [str(number) for number in range(19, 19 - STRIP, -1)]


def test_an_amended_verdict_replaces_the_first_in_its_place(race: Race) -> None:
    board = Board()
    board.take_verdict(replace(race, answers=race.answers[:2], complete=False))
    board.take_verdict(replace(race, image_id="later"))
    board.take_verdict(race)
    assert [shown.image_id for shown in board.latest()] == ["later", race.image_id]
    assert board.race(race.image_id) == race


def test_an_amended_verdict_of_an_image_that_has_left_is_no_news(race: Race) -> None:
    board = full(race)
    shown, taken, rate, revision = board.races(), board.taken, board.rate(), board.revisions.races
    late = replace(race.answers[0], model="late")
    board.take_verdict(replace(race, image_id="0", label="dog", answers=(*race.answers, late)))
    assert (board.races(), board.taken, board.rate(), board.revisions.races) == (shown, taken, rate, revision)
    assert "late" in board.models


def test_after_a_reconnection_the_images_that_were_missed_are_shown_and_none_that_has_left(race: Race) -> None:
    board = full(race)
    missed = [replace(race, image_id=f"missed {number}") for number in range(STRIP - 1)]
    board.take_newest([*missed, replace(race, image_id="0")])
    assert [shown.image_id for shown in board.latest()] == [*(one.image_id for one in missed), str(KEPT_RACES)]


def test_only_so_many_images_that_have_left_are_remembered(race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "KEPT_LEFT", 2)
    board = full(race, KEPT_RACES + 3)
    for image_id, new in (("2", 0), ("1", 0), ("0", 1)):
        taken = board.taken
        board.take_verdict(replace(race, image_id=image_id))
        assert board.taken - taken == new


def full(race: Race, images: int = KEPT_RACES + 1) -> Board:
    """A board that the first images have left."""
    board = Board()
    for number in range(images):
        board.take_verdict(replace(race, image_id=str(number)))
    return board


def test_memory_is_bounded(race: Race, world: FakeWorld) -> None:
    board, stats = Board(), Stats.parse(world.stats("1m"))
    for number in range(2 * KEPT_RACES):
        board.take_verdict(replace(race, image_id=str(number)))
        board.take_stats(stats)
    assert board.race("0") is None
    assert sum(board.race(str(number)) is not None for number in range(2 * KEPT_RACES)) == KEPT_RACES
    assert len(board.trend) == KEPT_STATS
    assert board.taken == 2 * KEPT_RACES


def test_the_list_of_images_comes_newest_first_and_only_with_verdicts(race: Race) -> None:
    board = Board()
    board.take_newest(
        [replace(race, image_id="c", pending=True), replace(race, image_id="b"), replace(race, image_id="a")]
    )
    assert [shown.image_id for shown in board.latest()] == ["b", "a"]


def test_models_keep_their_place_when_another_one_comes(world: FakeWorld) -> None:
    board = Board()
    board.take_verdict(Race.from_verdict(world.race()))
    assert board.models == ["efficientnet", "mobilenet", "resnet50"]
    before = board.revisions.models
    world.models.insert(0, FakeModel("aardvark", 1, 0.5))
    board.take_verdict(Race.from_verdict(world.race()))
    assert board.models == ["efficientnet", "mobilenet", "resnet50", "aardvark"]
    assert board.revisions.models == before + 1


def test_a_model_stops_being_untrained_when_the_api_says_so(world: FakeWorld) -> None:
    board = Board()
    world.models[0].trained = False
    board.take_stats(Stats.parse(world.stats("1m")))
    assert board.untrained == {"efficientnet"}
    board.take_models([{"model": "efficientnet", "trained": True}])
    assert board.untrained == set()


def test_the_strip_of_one_camera_has_its_images_only(race: Race) -> None:
    board = Board()
    for number, camera in enumerate(["door", None, "yard", "door"]):
        board.take_verdict(replace(race, image_id=str(number), camera_id=camera))
    assert [shown.image_id for shown in board.latest("door")] == ["3", "0"]
    assert {name: shown.image_id for name, shown in board.cameras().items()} == {"door": "3", "yard": "2"}


def test_facts_and_reload_errors_of_models(world: FakeWorld) -> None:
    board = Board()
    serving = {"model": "a", "model_version": "3", "precision": "bf16", "runtime": "openvino"}
    board.take_models([serving, {"model": "b", "model_version": "1", "reload_error": {"error": "no such file"}}])
    assert board.facts == {"a": "3 · bf16 · openvino", "b": "1"}
    assert board.reload_errors == {"b": "no such file"}
    before = board.revisions.models
    board.take_models([serving])
    assert board.reload_errors == {}
    assert board.revisions.models == before + 1


def test_figures_count_as_data_and_links_do_not(world: FakeWorld) -> None:
    board = Board()
    assert board.data_age_s() is None
    board.take_stats(Stats.parse(world.stats("5m")))
    assert board.stats is not None
    assert board.stats.window == "5m"
    age = board.data_age_s()
    assert age is not None
    assert age < 5
