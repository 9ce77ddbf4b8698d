from datetime import UTC, datetime
from typing import Any

import pytest

from dash_ui.data import Race, Stats, UnexpectedAnswer


def test_a_verdict_is_read_with_every_answer(race: Race) -> None:
    assert [(answer.model, answer.prediction) for answer in race.answers] == [
        ("efficientnet", "cat"),
        ("mobilenet", "dog"),
        ("resnet50", "cat"),
    ]
    assert race.answers[2].stages == {"queue": 3.0, "fetch": 1.0, "preprocess": 0.5, "lane": 0.0, "inference": 8.0}
    assert (race.pending, race.complete, race.label) == (False, True, "cat")


def test_an_image_without_a_verdict_is_pending(verdict: dict[str, Any]) -> None:
    image = {"image_id": "x", "timestamp": "2026-11-22T10:00:00Z", "source": "upload", "label": None}
    race = Race.from_image({"image": image, "predictions": verdict["predictions"][:1], "verdict": None})
    assert race.pending
    assert race.models == ["efficientnet"]
    assert race.timestamp == datetime(2026, 11, 22, 10, tzinfo=UTC)


def test_the_predictions_of_an_image_stand_beside_its_verdict(verdict: dict[str, Any]) -> None:
    image = {key: verdict[key] for key in ("image_id", "timestamp", "source", "label")}
    bare = {key: value for key, value in verdict.items() if key != "predictions"}
    race = Race.from_image({"image": image, "predictions": verdict["predictions"], "verdict": bare})
    assert race == Race.from_verdict(verdict)
    emptied = Race.from_image(
        {"image": image, "predictions": verdict["predictions"], "verdict": bare | {"predictions": []}}
    )
    assert len(emptied.answers) == 3


def test_models_without_an_answer_take_part_too(verdict: dict[str, Any]) -> None:
    race = Race.from_verdict({**verdict, "dead": ["oak"], "shed": ["elm"]})
    assert (race.dead, race.shed, race.models[-2:]) == (("oak",), ("elm",), ["oak", "elm"])


@pytest.mark.parametrize("broken", ["image_id", "timestamp", "agreement"])
def test_what_cannot_be_read_is_said_in_one_line(verdict: dict[str, Any], broken: str) -> None:
    del verdict[broken]
    with pytest.raises(UnexpectedAnswer, match=f"verdict that this page cannot read.*{broken}"):
        Race.from_verdict(verdict)


def test_a_model_that_measured_nothing_has_no_figures_rather_than_zeros(world: Any) -> None:
    stats = Stats.parse(world.stats("1m"))
    row = stats.models[0]
    assert (row.images, row.mean_ms, row.p95_ms, row.confidence, row.accuracy) == (0, None, None, None, None)
    zeros = world.stats("1m")
    zeros["models"][0].update(avg_latency_ms=0.0, avg_confidence=0.0)
    assert Stats.parse(zeros).models[0].mean_ms is None


def test_accuracy_that_is_null_stays_unknown(world: Any) -> None:
    world.race(source="upload")
    row = Stats.parse(world.stats("1m")).models[0]
    assert row.images == 1
    assert row.accuracy is None
    assert row.mean_ms is not None
