from typing import Any

import pytest

from dash_ui import grids, matrices
from dash_ui.board import Board
from dash_ui.matrices import Bin
from dash_ui.view import View
from tests.support import fake_past
from tests.support.fake_races import FakeWorld
from tests.unit.dash_ui.pieces import text

MODELS = ["efficientnet", "mobilenet"]


@pytest.fixture
def data() -> dict[str, Any]:
    """Three labelled images: cat, cat, dog; the first model says cat, dog, dog, the second one always dog."""
    return {
        "images": 3,
        "sampled": False,
        "agreement": [{"model": "efficientnet", "other": "mobilenet", "images": 3, "same": 2}],
        "models": [
            {
                "model": "efficientnet",
                "confusion": [
                    {"label": "cat", "prediction": "cat", "images": 1},
                    {"label": "cat", "prediction": "dog", "images": 1},
                    {"label": "dog", "prediction": "dog", "images": 1},
                ],
                "calibration": [{"answers": 3, "correct": 2, "confidence": 0.95}],
            },
            {"model": "mobilenet", "confusion": [], "calibration": []},
        ],
    }


def test_two_models_agree_whichever_is_named_first(data: dict[str, Any]) -> None:
    compared = matrices.parse(data)
    assert compared.agree("efficientnet", "mobilenet") == compared.agree("mobilenet", "efficientnet") == 2 / 3
    assert compared.agree("mobilenet", "mobilenet") == 1
    assert compared.agree("mobilenet", "nobody") is None


def test_the_calibration_error_is_the_distance_of_confidence_and_accuracy_weighted_by_the_answers() -> None:
    bins = [Bin(answers=30, correct=24, confidence=0.95), Bin(answers=10, correct=10, confidence=0.6)]
    assert matrices.calibration_error(bins) == pytest.approx((30 * 0.15 + 10 * 0.4) / 40)
    assert matrices.calibration_error([]) is None


def test_the_tables_name_models_and_classes(data: dict[str, Any]) -> None:
    compared, board = matrices.parse(data), Board()
    board.classes = ["cat", "dog", "ship"]
    assert text(grids.agreement(compared, MODELS)).split("mobilenet")[-1].split() == ["67", "%", "100", "%"]
    assert text(grids.confusion(compared, "efficientnet", board)) == "cat dog cat 1 1 dog 1"
    assert "None of these images" in text(grids.confusion(compared, "mobilenet", board))
    assert "28.3 %" in text(grids.calibration(compared, MODELS))
    assert len(grids.models(View("compare"), "mobilenet", MODELS).children) == 2


def test_of_a_thousand_classes_those_that_come_most_are_shown(data: dict[str, Any]) -> None:
    data["models"][0]["confusion"] = [
        {"label": f"c{number}", "prediction": f"c{number + 1}", "images": 1 + (number in (500, 700))}
        for number in range(999)
    ]
    shown = text(grids.confusion(matrices.parse(data), "efficientnet", Board()))
    assert {"c500", "c501", "c700", "c701"} <= set(shown.split())
    assert len([word for word in shown.split() if word.startswith("c")]) == 2 * grids.MOST


def test_each_table_is_saved(data: dict[str, Any]) -> None:
    assert list(matrices.csv("agreement")(data))[1:] == [f"efficientnet,mobilenet,3,2,{2 / 3}\r\n"]
    assert list(matrices.csv("confusion")(data))[:2] == [
        "model,label,answer,images\r\n",
        "efficientnet,cat,cat,1\r\n",
    ]
    (line,) = list(matrices.csv("calibration")(data))[1:]
    low, high = map(float, line.split(",")[-2:])
    assert line.startswith(f"efficientnet,3,2,0.95,{2 / 3},")
    assert 0 < low < 2 / 3 < high < 1


def test_the_made_up_comparison_counts_the_races() -> None:
    world = FakeWorld()
    for _ in range(20):
        world.race()
    compared = matrices.parse(fake_past.comparison(world, 1))
    assert compared.images == 20
    assert {images for _, images in compared.agreement.values()} == {20}
    labelled = sum(race["label"] is not None for race in world.races)
    assert {sum(each.values()) for each in compared.confusion.values()} == {labelled}
