from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_ui import past
from dash_ui.asks import Answer, Ask
from dash_ui.client import ApiDown
from dash_ui.past import WINDOWS, Histories, Window

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


def test_the_interval_is_wilsons() -> None:
    # 8 of 10: the values of R's binom.wilson(8, 10).
    assert past.wilson(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)


def known_at(now: datetime, *buckets: dict[str, Any]) -> tuple[Ask, Answer]:
    """What the API has said at a time, by what it was asked."""
    start = past.begin(WINDOWS["10m"], now)
    return past.ask("10m", now), Answer({"from": start.isoformat(), "to": now.isoformat(), "buckets": list(buckets)})


@pytest.mark.parametrize("buckets", [1, 2, 5, 59])
def test_the_last_history_stays_until_another_one_comes(buckets: int) -> None:
    histories, later = Histories(), NOW + timedelta(seconds=10 * buckets)
    known = dict([known_at(NOW, bucket(NOW))])
    assert histories.newest(known.get, "10m", NOW) == known[past.ask("10m", NOW)]
    shown = histories.newest(known.get, "10m", later)
    assert shown is not None
    assert (shown.data["from"], shown.data["buckets"]) == (past.begin(TEN, later).isoformat(), [bucket(NOW)])
    assert shown.error is None
    refused = Answer(error=ApiDown("refused"))
    known[past.ask("10m", later)] = refused
    assert histories.newest(known.get, "10m", later) == Answer(shown.data, refused.error)
    del known[past.ask("10m", later)]
    known[past.ask("10m", later - timedelta(seconds=10))] = refused
    assert histories.newest(known.get, "10m", later) == Answer(shown.data, refused.error), "until it fails once more"
    known |= dict([known_at(later)])
    assert histories.newest(known.get, "10m", later) == known[past.ask("10m", later)]


def test_a_history_of_another_window_or_of_long_ago_is_not_shown() -> None:
    histories, later = Histories(), NOW + timedelta(minutes=10)
    known = dict([known_at(NOW, bucket(NOW))])
    assert histories.newest(known.get, "10m", NOW) is not None
    assert histories.newest(known.get, "1h", NOW) is None
    assert histories.newest({}.get, "10m", later) is None
    refused = Answer(error=ApiDown("refused"))
    assert histories.newest({past.ask("10m", later): refused}.get, "10m", later) == refused


def throughput(buckets: list[int], to: datetime) -> list[tuple[int, float]]:
    """The throughput of one model with answers in these buckets, as it is known at a time; NOW is in the last one."""
    last = past.begin(TEN, NOW) + timedelta(seconds=10 * 59)
    made = history(*(bucket(last - timedelta(seconds=10 * ago)) for ago in buckets)) | {"to": to.isoformat()}
    return [(one.ago, one.value) for one in past.throughput(made, TEN)["m"]]


def test_where_nothing_was_answered_the_throughput_is_nothing() -> None:
    assert throughput([9, 6, 3], NOW) == [(ago, 2.5 if ago in (9, 6, 3) else 0.0) for ago in range(9, 0, -1)]
    assert throughput([9, 1, 0], NOW)[-2:] == [(2, 0.0), (1, 2.5)], "the last bucket is still filling"


def test_of_what_came_after_the_history_was_made_nothing_is_said() -> None:
    assert throughput([9, 6], NOW - timedelta(seconds=40)) == [(9, 2.5), (8, 0.0), (7, 0.0), (6, 2.5), (5, 0.0)]
    assert throughput([9, 6, 5], NOW - timedelta(seconds=50))[-1] == (6, 2.5), "it was filling then"


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
