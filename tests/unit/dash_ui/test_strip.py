from dataclasses import replace

from dash_ui.cards import race_card
from dash_ui.data import Race
from dash_ui.strip import cameras, film_strip
from dash_ui.view import View
from tests.unit.dash_ui.pieces import having, text

MODELS = ["efficientnet", "mobilenet", "resnet50"]


def test_a_model_keeps_its_colour_in_card_and_strip(race: Race) -> None:
    (lane,) = having(race_card(race, MODELS, ()), class_="lane", data_model="resnet50")
    says = having(film_strip([race], MODELS, View()), class_="say")
    assert [(text(say), say.style["--model"]) for say in says][2] == ("cat", lane.style["--model"])
    assert len({say.style["--model"] for say in says}) == 3


def test_a_click_pins_an_image_and_another_one_lets_it_go(race: Race) -> None:
    other = replace(race, image_id="other")
    frames = film_strip([other, race], MODELS, View.parse(f"/?pin={race.image_id}&window=5m"))
    assert [frame.href for frame in frames] == ["/?pin=other&window=5m", "/?window=5m"]
    assert [getattr(frame, "aria-current", None) for frame in frames] == [None, "true"]


def test_each_camera_has_a_tile_that_filters(race: Race) -> None:
    newest = {"door": replace(race, image_id="1"), "yard": replace(race, image_id="2")}
    shown = cameras(newest, MODELS, View.parse("/?camera=yard"))
    assert text(having(shown, class_="cameras")[0].children[0]).startswith("door")
    assert [tile.href for tile in having(shown, class_="frame")] == ["/?camera=door", "/"]
    assert cameras({}, MODELS, View()) == []
