from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dash_ui import plane
from dash_ui.data import ModelStats, Stats
from dash_ui.plane import LEFT, RIGHT, TOP, WIDTH
from dash_ui.scales import decades
from tests.support.fake_races import FakeWorld
from tests.unit.dash_ui.pieces import components, text

MODELS = ["efficientnet", "mobilenet", "resnet50"]


def rows(**changes: tuple[float | None, float | None]) -> list[ModelStats]:
    """Time and accuracy by model."""
    known = {row.model: row for row in Stats.parse(FakeWorld().stats("1m")).models}
    return [replace(known[name], p50_ms=ms, accuracy=accuracy) for name, (ms, accuracy) in changes.items()]


def test_a_ring_marks_what_nothing_beats_in_both() -> None:
    points = plane.points(rows(efficientnet=(4, 0.8), mobilenet=(2, 0.9), resnet50=(8, 0.95)), MODELS)
    assert {point.model: point.best for point in points} == {"efficientnet": False, "mobilenet": True, "resnet50": True}
    drawn = plane.draw(points, "p50")
    assert sum(part.props.get("className") == "ring" for part in components(drawn)) == 2


def test_up_is_more_accurate_and_left_is_faster() -> None:
    drawn = plane.draw(plane.points(rows(mobilenet=(2, 0.7), resnet50=(8, 0.9)), MODELS), "p50")
    fast, slow = (part.props for part in components(drawn) if part.tag == "circle" and "fill" in part.props)
    assert fast["cx"] < slow["cx"]
    assert fast["cy"] > slow["cy"] > TOP
    assert "mobilenet: 70.0\u00a0% right, 2.0 ms" in drawn.props["aria-label"]


def test_a_model_without_accuracy_is_not_drawn_and_without_any_it_says_so() -> None:
    assert plane.points(rows(mobilenet=(2, None), resnet50=(None, 0.9)), MODELS) == []
    assert "labelled" in text(plane.draw([], "p50"))


@given(st.lists(st.floats(0.05, 5000), min_size=1, max_size=6))
def test_the_ticks_hold_every_value(values: list[float]) -> None:
    ticks = decades(values)
    assert ticks[0] <= min(values) * (1 + 1e-6)
    assert ticks[-1] >= max(values) * (1 - 1e-6)
    assert len(ticks) >= 2
    assert ticks == sorted(set(ticks))
    assert LEFT < WIDTH - RIGHT
