from typing import Any

import pytest

from dash_ui import plane, totals
from tests.unit.dash_ui.pieces import components

BEGIN = "2026-11-23T12:00:00+00:00"


def bucket(start: str = BEGIN, model: str = "m", **changes: Any) -> dict[str, Any]:
    figures = {"predictions": 10, "labelled": 5, "correct": 4, "avg_latency_ms": 2.0}
    return {"start": start, "model": model, **figures, **changes}


def history(*buckets: dict[str, Any]) -> dict[str, Any]:
    return {"from": BEGIN, "buckets": list(buckets)}


def test_buckets_of_the_window_are_added_up() -> None:
    later = bucket("2026-11-23T12:01:00+00:00", predictions=30, labelled=5, avg_latency_ms=4.0)
    (total,) = totals.of(history(bucket("2026-11-23T11:59:00+00:00"), bucket(), later))
    assert (total.predictions, total.labelled, total.correct) == (40, 10, 8)
    assert total.inference_ms == pytest.approx((10 * 2 + 30 * 4) / 40)
    assert total.accuracy == 0.8
    assert total.interval == pytest.approx((0.4901625, 0.9433178), abs=1e-6)  # R: binom.wilson(8, 10)


def test_without_labels_or_times_there_are_no_figures_and_no_point() -> None:
    nothing = totals.of(history(bucket(labelled=0, correct=0), bucket(model="n", avg_latency_ms=None)))
    unlabelled, untimed = nothing
    assert (unlabelled.accuracy, unlabelled.interval, unlabelled.inference_ms) == (None, None, 2.0)
    assert untimed.inference_ms is None
    assert plane.measured(nothing, ["m", "n"]) == []


def test_an_interval_is_drawn_and_said() -> None:
    (point,) = plane.measured(totals.of(history(bucket())), ["m"])
    drawn = plane.draw([point], "mean")
    (bar,) = [part.props for part in components(drawn) if part.tag == "line" and "style" in part.props]
    (dot,) = [part.props for part in components(drawn) if part.tag == "circle" and "fill" in part.props]
    assert bar["x1"] == bar["x2"] == dot["cx"]
    assert bar["y1"] > dot["cy"] > bar["y2"]
    assert "(95 %: 37.6" in drawn.props["aria-label"]


def test_the_totals_are_a_table() -> None:
    lines = list(totals.csv(history(bucket(model="=x", labelled=0, correct=0))))
    assert lines == [",".join(totals.COLUMNS) + "\r\n", "'=x,10,0,0,,,,2.0\r\n"]
