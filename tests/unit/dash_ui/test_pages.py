"""The pages but the live one: what they say of what the API says."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dash_ui import asks, distributions, letters, matrices, pages, past, versions
from dash_ui.asks import Answer
from dash_ui.board import Board, Link
from dash_ui.client import ApiDown, ApiProblem
from dash_ui.data import Race, Stats
from dash_ui.language import LANGUAGES, speaking
from dash_ui.pages import compare, images, review
from dash_ui.screen import Screen
from dash_ui.view import PAGES, View
from tests.support import fake_answers, fake_past
from tests.support.fake_races import FakeModel, FakeWorld
from tests.unit.dash_ui.screens import answered, open_page, told

MAX_REFRESH_BYTES = 20_000


@pytest.fixture
def board(world: FakeWorld) -> Board:
    board = Board()
    board.take_link(Link("live"))
    for _ in range(40):
        board.take_verdict(Race.from_verdict(world.race()))
    board.take_models([fake_answers.model(model) for model in world.models])
    board.take_stats(Stats.parse(world.stats("1m")))
    return board


def listed(world: FakeWorld, count: int = 24) -> dict[str, Any]:
    newest = list(world.races)[::-1][:count]
    return {"images": [item(race) for race in newest], "next": "abc"}


def item(race: dict[str, Any]) -> dict[str, Any]:
    return {"image": race, "predictions": race["predictions"], "verdict": race}


def test_every_page_of_the_navigation_exists() -> None:
    assert tuple(pages.ALL) == PAGES


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_says_something_before_it_knows_anything(page: str, language: str) -> None:
    with speaking(language):
        assert pages.ALL[page].frame()
    board = Board()
    parts = told(open_page(board, View(page).url(), language))
    assert set(parts) >= {"pulse", "link"}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_why_when_the_api_does_not_answer(page: str, board: Board) -> None:
    screen = open_page(board, View(page).url() + "?window=5m")
    asked = list(pages.wants(screen.scene.view, board))
    for ask in asked:
        answered(screen.scene.asks, ask, Answer(error=ApiDown("refused")))
    answered(screen.scene.asks, asks.models(), Answer(error=ApiDown("refused")))
    assert "the API does not answer" in " ".join(told(screen).values())


def test_a_page_of_images_is_small_enough_and_leads_to_older_ones(board: Board, world: FakeWorld) -> None:
    screen = open_page(board, "/images?source=cifar10")
    (ask,) = images.wants(screen.scene.view, board)
    assert dict(ask.params) == {"limit": "24", "source": "cifar10"}
    answered(screen.scene.asks, ask, Answer(listed(world)))
    now = told(screen)
    assert sum(map(len, now.values())) <= MAX_REFRESH_BYTES
    now |= told(screen)
    assert "/images?before=abc&page=2&source=cifar10" in now["images-paging"]
    assert len(json.loads(now["images-rows"])["rowData"]) == 24
    assert '"className": ""' in now["images-table"]


@pytest.mark.parametrize(
    ("language", "words", "sought"),
    [
        ("es", "Gato", "cat"),
        ("es", "cam", "truck"),
        ("es", "ca", "ca"),
        ("es", "porch", "porch"),
        # The API finds these by themselves, and ids, sources and cameras that begin so, too.
        ("en", "f", "f"),
        ("en", "do", "do"),
        ("en", "Horse", "Horse"),
        # Few letters are more often those of something else.
        ("es", "r", "r"),
        ("es", "pe", "pe"),
        ("es", "per", "dog"),
    ],
)
def test_a_class_is_sought_by_its_name_in_the_readers_language(
    language: str, words: str, sought: str, board: Board
) -> None:
    board.classes = ["cat", "dog", "frog", "horse", "truck"]
    with speaking(language):
        (ask,) = images.wants(View.parse(f"/images?q={words}"), board)
    assert dict(ask.params)["q"] == sought


def test_one_goes_back_to_newer_images_by_the_way_one_came(board: Board, world: FakeWorld) -> None:
    screen = open_page(board, "/images?label=cat")
    assert "Newer" not in told(screen)["images-paging"]
    for before, number in (("abc", 2), ("def", 3)):
        screen.scene.session.view = View.parse(f"/images?label=cat&before={before}&page={number}")
        paging = told(screen)["images-paging"]
    assert '"href": "/images?before=abc&label=cat&page=2"' in paging
    screen.scene.session.view = View.parse("/images?label=dog&before=ghi&page=3")
    assert "Newer" not in told(screen)["images-paging"]


def test_images_are_shown_as_pictures_too_or_it_is_said_why_not(board: Board, world: FakeWorld) -> None:
    screen = open_page(board, "/images?look=pictures&labelled=false&page=3&before=abc")
    (ask,) = images.wants(screen.scene.view, board)
    assert dict(ask.params) == {"limit": "24", "labelled": "false", "before": "abc"}
    assert "loading" in told(screen)["images-grid"]
    answered(screen.scene.asks, ask, Answer(listed(world)))
    now = told(screen)
    assert now["images-grid"].count("/thumb/") == 24
    assert "Page 3" in now["images-paging"]
    assert "images-rows" not in now
    answered(screen.scene.asks, ask, Answer({"images": [], "next": None}))
    assert "No image fits these filters" in told(screen)["images-grid"]


def test_classes_are_typed_where_there_are_too_many_to_choose_from(board: Board) -> None:
    assert '"select"' in told(open_page(board, "/images"))["images-filter"]
    board.classes = [f"class {number}" for number in range(1000)]
    assert len(told(open_page(board, "/images"))["images-filter"]) < 3000


def test_an_image_in_detail_has_its_race_its_best_classes_and_its_messages(board: Board, world: FakeWorld) -> None:
    race = world.races[-1]
    url = f"/images?open={race['image_id']}&label=cat"
    screen = open_page(board, url)
    assert "Loading" in told(screen)["images-detail"]
    answered(screen.scene.asks, asks.image(race["image_id"]), Answer(item(race)))
    detail = told(screen)["images-detail"]
    assert '"data-back": "/images?label=cat"' in detail
    assert race["predictions"][0]["prediction_id"] in detail
    assert f"/original/{race['image_id']}" in detail
    answered(screen.scene.asks, asks.image(race["image_id"]), Answer(error=ApiProblem(404, "No such image", "")))
    assert "No such image" in told(screen)["images-detail"]


def test_a_model_card_has_the_test_accuracy_with_its_interval(board: Board, world: FakeWorld) -> None:
    world.models[0].reload_error = "no such file"
    screen = open_page(board, "/models")
    answered(screen.scene.asks, asks.models(), Answer({"models": [fake_answers.model(one) for one in world.models]}))
    answered(screen.scene.asks, asks.stats("15m"), Answer(world.stats("15m")))
    now = " ".join(props for name, props in told(screen).items() if name.startswith("models-card"))
    assert "95 %: 84.8\u00a0% to 87.2\u00a0%, 10,000 pictures" in now
    assert "no such file" in now
    assert now.count("data-confirm") == 3
    assert "\u00a0MB" in now, "the size of what is loaded"


def test_a_model_of_which_little_is_known_has_a_card_too(board: Board) -> None:
    screen = open_page(board, "/models")
    answered(screen.scene.asks, asks.models(), Answer({"models": [{"model": "tiny", "trained": False}]}))
    now = told(screen)["models-card-0"]
    assert "tiny" in now
    assert "untrained" in now


def test_many_models_with_many_versions_come_in_small_refreshes(board: Board, world: FakeWorld) -> None:
    every = [fake_answers.model(FakeModel(f"model{number:02}", 4.0, 0.8)) for number in range(30)]
    screen = open_page(board, "/models")
    board.take_models(every)
    answered(screen.scene.asks, asks.models(), Answer({"models": every}))
    interval = {"value": 0.8, "low": 0.79, "high": 0.81, "pictures": 8000}
    registered = [
        {"version": str(number), "accuracy": interval, "registered_at": "2026-11-22T12:00:00Z", "served_by": []}
        | {"aliases": ["champion"] if number == 2 else []}
        for number in range(1, 101)
    ]
    for model in every:
        known = {"model": model["model"], "registered": model["model"], "versions": registered}
        answered(screen.scene.asks, versions.ask(model["model"]), Answer(known))
    parts: dict[str, str] = {}
    for _ in range(60):
        refresh = told(screen)
        assert sum(map(len, refresh.values())) <= MAX_REFRESH_BYTES
        parts |= refresh
    assert "6 more models serve" in parts["models-cards"]
    assert "model23" in parts["models-card-23"]
    assert "87 older ones are not listed here" in parts["models-card-0"]
    assert '"2"' in parts["models-card-0"], "the champion is listed, however old it is"


def test_whether_the_plane_is_awaited_cannot_be_had_or_is_empty_is_told_apart(board: Board) -> None:
    screen = open_page(board, "/models")
    assert "skeleton" in told(screen)["models-plane"]
    answered(screen.scene.asks, asks.stats("15m"), Answer(error=ApiDown("refused")))
    assert "the API does not answer" in told(screen)["models-plane"]
    answered(screen.scene.asks, asks.stats("15m"), Answer({"window": "15m", "models": [], "ensemble": {}}))
    assert "no-figures" in told(screen)["models-plane"]


@pytest.mark.parametrize(("lost", "words"), [(0, "Every image is accounted for"), (2, "It does not add up")])
def test_the_ledger_says_whether_it_adds_up(board: Board, world: FakeWorld, lost: int, words: str) -> None:
    screen = open_page(board, "/system")
    answered(screen.scene.asks, asks.ledger(), Answer(fake_answers.ledger(world, lost)))
    now = told(screen)
    assert words in now["ledger-tools"]
    assert ("2 images are lost" in now["ledger"]) == (lost == 2)
    assert "40 accepted" in now["flow"] or lost


def test_while_images_move_the_ledger_is_neither_green_nor_red(board: Board, world: FakeWorld) -> None:
    screen = open_page(board, "/system")
    answered(screen.scene.asks, asks.ledger(), Answer(fake_answers.ledger(world) | {"adds_up": None}))
    assert "state-moving" in told(screen)["ledger-tools"]


def test_letters_can_be_settled_while_they_are_open_and_are_only_text(board: Board) -> None:
    screen = open_page(board, "/system")
    nasty = fake_answers.letter(1, error="<script>alert(1)</script>")
    done = fake_answers.letter(2) | {"status": "retried"}
    answered(screen.scene.asks, letters.ask(screen.scene.view), Answer({"dead_letters": [nasty, done], "next": 7}))
    now = told(screen)
    assert '"<script>alert(1)</script>"' in now["letters"]
    assert now["letters"].count("data-act") == 2
    assert "letters=7" in now["letters"]
    assert "retry_all" in now["letters-tools"]


def test_a_page_of_long_errors_is_one_small_refresh(board: Board) -> None:
    screen = open_page(board, "/system")
    shown = [fake_answers.letter(number, error="ValueError: " + "x" * 5_000) for number in range(letters.LIMIT)]
    answered(screen.scene.asks, letters.ask(screen.scene.view), Answer({"dead_letters": shown, "next": None}))
    refreshes = [told(screen), told(screen)]
    assert max(sum(map(len, refresh.values())) for refresh in refreshes) <= MAX_REFRESH_BYTES
    assert any("x…" in refresh.get("letters", "") for refresh in refreshes)


def test_alerts_that_fire_stand_out(board: Board) -> None:
    screen = open_page(board, "/system")
    alerts = [fake_answers.alert(2, firing=True), fake_answers.alert(1, firing=False)]
    answered(screen.scene.asks, asks.alerts(), Answer({"alerts": alerts, "next": None}))
    assert told(screen)["alerts"].count("badge warn") == 1


def test_the_servers_are_in_figures_and_the_flow_has_the_lags(board: Board, world: FakeWorld) -> None:
    screen = open_page(board, "/system")
    state = fake_answers.system(world)
    state["lags"]["streamapp-resnet50"] = 1234
    answered(screen.scene.asks, asks.system(), Answer(state))
    now = told(screen)
    assert "93\u00a0%" in now["stores"]
    assert "5.0 h" in now["stores"]
    assert "1,234 waiting" in now["flow"]
    answered(screen.scene.asks, asks.system(), Answer(state | {"cache": None}))
    assert "the cache is away" in told(screen)["stores"]


@pytest.mark.parametrize("window", past.WINDOWS)
def test_the_past_is_drawn_in_several_small_refreshes(board: Board, world: FakeWorld, window: str) -> None:
    screen = open_page(board, f"/compare?window={window}")
    now = datetime.now(UTC)
    history = fake_past.history(world, past.begin(past.WINDOWS[window], now), past.WINDOWS[window].bucket_s)
    answered(screen.scene.asks, past.ask(window, now), Answer(history))
    answered(screen.scene.asks, distributions.ask(window), Answer(fake_past.distributions(world, 10)))
    answered(screen.scene.asks, matrices.ask(window), Answer(fake_past.comparison(world, 10)))
    parts: dict[str, str] = {}
    for _ in range(10):
        refresh = told(screen)
        assert sum(map(len, refresh.values())) <= MAX_REFRESH_BYTES
        parts |= refresh
    assert all(parts[f"compare-{name}"].count('"className": "line"') == 3 for name in compare.CHARTS)
    assert parts["compare-accuracy"].count('"className": "band"') == 3
    assert parts["compare-calibration"].count('"className": "dot"') > 5
    assert parts["compare-ecdf"].count('"className": "line"') == 3
    assert parts["compare-distribution"].count('"className": "median"') == 3 * len(distributions.STAGES)
    assert parts["compare-plane"].count('"fill": "#') == 3
    assert "95 %: " in parts["compare-plane"]
    assert all(f"window={window}&figures={name}" in parts[f"compare-{name}-csv"] for name in compare.SAVED)


def test_all_images_of_the_window_are_compared_and_it_is_said_how_many(board: Board, world: FakeWorld) -> None:
    screen = open_page(board, "/compare?window=1h")
    assert matrices.ask("1h") in set(compare.wants(screen.scene.view, board))
    whole, said = fake_past.comparison(world, 60), []
    for data in (whole | {"sampled": True}, whole, whole | {"images": 0}):
        answered(screen.scene.asks, matrices.ask("1h"), Answer(data))
        parts: dict[str, str] = {}
        for _ in range(10):
            parts |= told(screen)
        said.append(parts["compare-agreement"])
    assert f"Of the newest {whole['images']} images of this window; no more" in said[0]
    assert f"Of all {whole['images']} images of this window" in said[1]
    assert "Nothing was measured in this window" in said[2]


def test_the_last_minute_is_drawn_from_verdicts_as_they_come(board: Board, world: FakeWorld) -> None:
    screen = open_page(board, "/compare?window=1m")
    assert past.ask("1m") in set(compare.wants(screen.scene.view, board))
    assert "skeleton" in told(screen)["compare-latency"]
    board.minute.begin(time.time() - 3600)
    for race in list(world.races):
        board.minute.take(race, time.time())
    board.take_stats(Stats.parse(world.stats("1m")))
    assert past.ask("1m") not in set(compare.wants(screen.scene.view, board))
    assert told(screen)["compare-latency"].count('"className": "line"') == 3


def test_while_the_api_is_away_the_past_stays_beside_the_error(board: Board, world: FakeWorld) -> None:
    screen, now = open_page(board, "/compare?window=10m"), datetime.now(UTC)
    begin, away = past.begin(past.WINDOWS["10m"], now - timedelta(minutes=2)), Answer(error=ApiDown("refused"))
    answered(screen.scene.asks, past.ask("10m"), Answer(fake_past.history(world, begin, 10)))
    everything(screen)
    # As it is two minutes later, twelve buckets on.
    screen.scene.asks._answers.clear()
    for ask in (past.ask("10m"), past.ask("10m", now + timedelta(seconds=10))):
        answered(screen.scene.asks, ask, away)
    parts = everything(screen)
    assert "the API does not answer" in parts["compare-legend"]
    drawn = [parts[f"compare-{name}"] for name in (*compare.CHARTS, "plane")]
    assert all('"svg"' in part and "skeleton" not in part for part in drawn)


@pytest.mark.parametrize("window", past.WINDOWS)
def test_no_chart_is_awaited_beside_an_error(board: Board, window: str) -> None:
    screen, now = open_page(board, f"/compare?window={window}"), datetime.now(UTC)
    for seconds in (0, past.WINDOWS[window].bucket_s):  # it may turn meanwhile
        answered(
            screen.scene.asks, past.ask(window, now + timedelta(seconds=seconds)), Answer(error=ApiDown("refused"))
        )
    parts = everything(screen)
    for name in (*compare.CHARTS, "plane"):
        assert "the API does not answer" in parts[f"compare-{name}"]
        assert "skeleton" not in parts[f"compare-{name}"]


def everything(screen: Screen) -> dict[str, str]:
    """All that a page is told, over several refreshes."""
    parts: dict[str, str] = {}
    for _ in range(10):
        parts |= told(screen)
    return parts


def test_the_times_of_models_stay_beside_the_error_too(board: Board, world: FakeWorld) -> None:
    screen, now = open_page(board, "/models?window=10m"), datetime.now(UTC)
    begin = past.begin(past.WINDOWS["10m"], now)
    for seconds in (0, 10):
        history = Answer(fake_past.history(world, begin, 10), ApiDown("refused"))
        answered(screen.scene.asks, past.ask("10m", now + timedelta(seconds=seconds)), history)
    times = told(screen)["models-times"]
    assert "the API does not answer" in times
    assert times.count('"className": "line"') == 3


def in_review(world: FakeWorld, board: Board, url: str = "/review", older: str | None = None) -> Screen:
    """The review page over three images: all agree, all differ, one has a label."""
    screen = open_page(board, url)
    found = [world.race("upload") for _ in range(2)] + [world.race(label="cat")]
    for race, (disagreement, confidence) in zip(found, [(0.1, 0.2), (0.9, 0.8), (1.0, 0.1)], strict=True):
        race["disagreement"] = disagreement
        for prediction in race["predictions"]:
            prediction["confidence"] = confidence
    page = {"images": [item(race) for race in found], "next": older}
    answered(screen.scene.asks, asks.unlabelled(review.SEEN), Answer(page))
    return screen


def shown(screen: Screen) -> list[str]:
    return [race.image_id for race in review.queue(screen.scene, screen.scene.answer(asks.unlabelled(review.SEEN)))]


def test_what_the_models_disagree_on_comes_first_and_what_has_a_label_not_at_all(
    board: Board, world: FakeWorld
) -> None:
    screen = in_review(world, board)
    agreed, differing, _ = list(world.races)[-3:]
    assert shown(screen) == [differing["image_id"], agreed["image_id"]]
    screen.scene.session.view = View.parse("/review?order=doubt")
    assert shown(screen) == [agreed["image_id"], differing["image_id"]]


def test_what_was_labelled_or_passed_over_leaves_the_queue(board: Board, world: FakeWorld) -> None:
    screen = in_review(world, board)
    first, second = shown(screen)
    screen.scene.session.labelled[first] = "cat"
    assert shown(screen) == [second]
    screen.scene.session.passed.append(second)
    assert shown(screen) == []
    assert "Nothing to review" in told(screen)["review-image"]


def test_a_label_that_was_taken_back_is_asked_for_first_though_the_api_lists_it_no_more(
    board: Board, world: FakeWorld
) -> None:
    screen = in_review(world, board)
    told(screen)
    first, second = shown(screen)
    session = screen.scene.session
    answered(screen.scene.asks, asks.unlabelled(review.SEEN), Answer({"images": [], "next": None}))
    assert shown(screen) == []
    session.again = [second, first]
    assert shown(screen) == [second, first]
    session.labelled[second] = "cat"
    assert shown(screen) == [first]


def test_older_images_are_a_page_further_and_what_is_left_is_said_where_it_is_known(
    board: Board, world: FakeWorld
) -> None:
    assert '"2 left"' in told(in_review(world, board))["review-all"]
    screen = in_review(world, board, older="abc")
    now = told(screen)
    assert "2 left here, and older ones" in now["review-all"]
    assert "/review?before=abc" in now["review-pages"]
    assert "data-key" not in now["review-pages"]
    screen.scene.session.passed += shown(screen)
    now = told(screen)
    assert "look through older ones" in now["review-image"]
    assert '"data-key": "ArrowRight"' in now["review-pages"]
    ask, _ = review.wants(View.parse("/review?before=abc"), board)
    assert dict(ask.params) == {"labelled": "false", "limit": "100", "before": "abc"}


def test_all_that_are_shown_can_be_labelled_as_most_models_say(board: Board, world: FakeWorld) -> None:
    screen = in_review(world, board)
    agreed, differing, _ = list(world.races)[-3:]
    differing["consensus"] = None
    now = told(screen)["review-all"]
    assert agreed["image_id"] in now
    assert differing["image_id"] not in now
    assert "data-confirm" in now


def test_each_class_has_its_key(board: Board, world: FakeWorld) -> None:
    screen = in_review(world, board)
    classes = told(screen)["review-classes"]
    assert [key for key in "1234567890" if f'"data-key": "{key}"' in classes] == list("1234567890")
    orders = [part.split('", "data-key')[0] for part in classes.split('"data-act": "')[1:]]
    assert json.loads(orders[3].replace('\\"', '"'))["label"] == "cat"


def test_with_a_thousand_classes_those_that_models_say_have_the_keys(board: Board, world: FakeWorld) -> None:
    board.classes = [f"class {number}" for number in range(1000)]
    screen = in_review(world, board)
    classes = told(screen)["review-classes"]
    said = list(world.races)[-2]["predictions"][0]["prediction"]
    assert said in classes
    assert len(classes) < 10_000
