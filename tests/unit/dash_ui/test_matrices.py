from dataclasses import replace

import pytest

from dash_ui import grids, matrices
from dash_ui.board import Board
from dash_ui.data import Race
from dash_ui.view import View
from tests.unit.dash_ui.pieces import text


def races(race: Race) -> list[Race]:
    """Three labelled images: cat, cat, dog; the first model says cat, dog, dog, always with the same confidence."""
    first = race.answers[0]
    said = [("cat", "cat"), ("cat", "dog"), ("dog", "dog")]
    return [
        replace(race, label=label, answers=(replace(first, prediction=says, confidence=0.95), *race.answers[1:]))
        for label, says in said
    ]


def test_confusion_counts_labels_against_answers(race: Race) -> None:
    counts = matrices.confusion([*races(race), replace(race, label=None)], "efficientnet")
    assert dict(counts) == {("cat", "cat"): 1, ("cat", "dog"): 1, ("dog", "dog"): 1}


def test_agreement_is_the_share_of_the_images_that_both_answered(race: Race) -> None:
    sample = [*races(race), replace(race, answers=race.answers[:1])]
    # mobilenet always says dog
    assert matrices.agreement(sample, "efficientnet", "mobilenet") == pytest.approx(2 / 3)
    assert matrices.agreement(sample, "mobilenet", "efficientnet") == pytest.approx(2 / 3)
    assert matrices.agreement(sample, "mobilenet", "mobilenet") == 1
    assert matrices.agreement(sample, "mobilenet", "nobody") is None


def test_the_calibration_error_is_the_distance_of_confidence_and_accuracy(race: Race) -> None:
    bins = matrices.calibration(races(race), "efficientnet")
    assert [(each.count, each.confidence, each.accuracy) for each in bins] == [
        (3, pytest.approx(0.95), pytest.approx(2 / 3))
    ]
    assert matrices.calibration_error(bins) == pytest.approx(0.95 - 2 / 3)
    assert matrices.calibration_error([]) is None


def test_a_confidence_of_one_has_a_bin(race: Race) -> None:
    sure = replace(race, label="cat", answers=(replace(race.answers[0], confidence=1.0),))
    assert len(matrices.calibration([sure], "efficientnet")) == 1


def test_the_tables_name_models_and_classes(race: Race) -> None:
    models, board = ["efficientnet", "mobilenet"], Board()
    board.classes = ["cat", "dog", "ship"]
    assert text(grids.agreement(races(race), models)).split("mobilenet")[-1].split() == ["67", "%", "100", "%"]
    assert text(grids.confusion(races(race), "efficientnet", board)) == "cat dog cat 1 1 dog 1"
    assert "None of these images" in text(grids.confusion([replace(race, label=None)], "efficientnet", board))
    assert "error 28.3\u00a0%" in text(grids.calibration(races(race), models)) or "28.3 %" in text(
        grids.calibration(races(race), models)
    )
    assert len(grids.models(View("compare"), "mobilenet", models).children) == 2
