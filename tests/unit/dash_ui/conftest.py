"""Races and figures to show, made up but in the API's own form."""

from typing import Any

import pytest

from dash_ui.data import Race
from tests.support.fake_races import FakeWorld


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def verdict(world: FakeWorld) -> dict[str, Any]:
    """A verdict of three models, as the API sends it, with values that tests can count on."""
    data = world.race(label="cat")
    for prediction, (answer, confidence, inference) in zip(
        data["predictions"], [("cat", 0.9, 4.0), ("dog", 0.6, 2.0), ("cat", 0.8, 8.0)], strict=True
    ):
        prediction.update(prediction=answer, confidence=confidence, inference_ms=inference, total_ms=inference + 10)
        prediction.update(queue_ms=3.0, fetch_ms=1.0, preprocess_ms=0.5, lane_ms=0.0)
    return data | {
        "fastest": "mobilenet",
        "most_confident": "efficientnet",
        "consensus": "cat",
        "agreement": 2 / 3,
        "complete": True,
    }


@pytest.fixture
def race(verdict: dict[str, Any]) -> Race:
    return Race.from_verdict(verdict)
