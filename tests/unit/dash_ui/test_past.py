from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_ui import past
from dash_ui.past import WINDOWS, Window

NOW = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)
TEN = Window("10s", 10, 60)


def bucket(start: datetime, **changes: Any) -> dict[str, Any]:
    figures = {"predictions": 25, "labelled": 10, "correct": 9, "avg_confidence": 0.8, "avg_latency_ms": 2.0}
    return {"start": start.isoformat(), "model": "m", **figures, "total_p50_ms": 5.0, "total_p95_ms": 9.0, **changes}


def history(*buckets: dict[str, Any]) -> dict[str, Any]:
    return {"from": past.begin(TEN, NOW).isoformat(), "buckets": list(buckets)}


@pytest.mark.parametrize("window", WINDOWS.values())
def test_a_window_ends_with_the_bucket_that_is_filling(window: Window) -> None:
    last = past.begin(window, NOW) + timedelta(seconds=window.bucket_s * (window.count - 1))
    assert last <= NOW < last + timedelta(seconds=window.bucket_s)


def test_the_same_is_asked_until_the_next_bucket_begins() -> None:
    assert past.ask("1h", NOW) == past.ask("1h", NOW + timedelta(seconds=3))
    assert past.ask("1h", NOW) != past.ask("1h", NOW + timedelta(seconds=4))


def test_a_series_says_how_many_buckets_ago_something_was() -> None:
    last = datetime(2026, 11, 23, 12, 34, 50, tzinfo=UTC)
    found = past.series(
        history(bucket(last - timedelta(minutes=5)), bucket(last), bucket(last, total_p50_ms=None)), TEN, past.latency
    )
    assert [(one.ago, one.value, one.low, one.high) for one in found["m"]] == [(30, 5.0, 5.0, 9.0), (0, 5.0, 5.0, 9.0)]


def test_what_is_outside_the_window_is_left_out() -> None:
    far = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
    assert past.series(history(bucket(far), bucket(far - timedelta(hours=2))), TEN, past.inference) == {}


def test_figures_of_nothing_are_no_points() -> None:
    nothing = {"labelled": 0, "avg_confidence": None, "avg_latency_ms": None, "total_p50_ms": None}
    empty = bucket(NOW, **nothing)
    assert [point(empty, 0) for point in (past.latency, past.inference, past.confidence, past.accuracy)] == [None] * 4
    assert past.throughput(10)(empty, 0) is None
    throughput = past.throughput(10)(empty, 1)
    assert throughput is not None
    assert throughput.value == 2.5


def test_the_interval_is_wilsons() -> None:
    # 8 of 10: the values of R's binom.wilson(8, 10).
    assert past.wilson(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)


@given(st.integers(1, 10_000).flatmap(lambda all_: st.tuples(st.integers(0, all_), st.just(all_))))
def test_an_interval_holds_its_share(pair: tuple[int, int]) -> None:
    low, high = past.wilson(*pair)
    assert 0 <= low <= pair[0] / pair[1] + 1e-12
    assert pair[0] / pair[1] - 1e-12 <= high <= 1


def test_a_table_is_safe_to_open() -> None:
    lines = list(past.csv(history(bucket(NOW, model='=HYPERLINK("x")'), bucket(NOW, model="a,b", errors=None))))
    assert lines[0].split(",")[:3] == ["start", "model", "predictions"]
    assert '"\'=HYPERLINK(""x"")"' in lines[1]
    assert ',"a,b",25,,' in lines[2]
