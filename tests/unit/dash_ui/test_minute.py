from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_ui import minute, past
from dash_ui.board import Board, Link
from dash_ui.minute import WINDOW, Minute

NOW = datetime(2026, 11, 23, 12, 34, 58, tzinfo=UTC)
START = NOW.replace(second=0).timestamp()


def verdict(image_id: str, second: float, label: str | None = None, **changes: Any) -> dict[str, Any]:
    """One model's answer, made so many seconds after `START`."""
    made = datetime.fromtimestamp(START + second, UTC).isoformat()
    answer = {"model": "m", "timestamp": made, "prediction": "cat", "confidence": 0.8, "trained": True, "lane": "held"}
    times = {"inference_ms": 2.0, "total_ms": 10.0}
    return {"image_id": image_id, "label": label, "predictions": [{**answer, **times, **changes}]}


def heard(*verdicts: dict[str, Any], since: float = START - 100) -> Minute:
    found = Minute()
    found.begin(since)
    for each in verdicts:
        found.take(each, NOW.timestamp())
    return found


def buckets(found: Minute, older: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    return list(found.history(older, NOW)["buckets"])


def test_answers_are_counted_in_the_bucket_in_which_they_were_made() -> None:
    found = heard(verdict("a", 11), verdict("b", 12, total_ms=20.0), verdict("c", 31), verdict("d", -10))
    first, second = buckets(found)
    assert [datetime.fromisoformat(each["start"]).second for each in (first, second)] == [10, 30]
    assert (first["predictions"], first["total_p50_ms"], first["total_p95_ms"]) == (2, 15.0, 19.5)
    series = past.series(found.history(None, NOW), WINDOW, past.latency)
    assert [moment.ago for moment in series["m"]] == [9, 5]


def test_accuracy_is_that_of_trained_weights_and_inference_that_of_the_lane() -> None:
    right, wrong = verdict("a", 11, "cat"), verdict("b", 11, "dog", lane="bypassed", inference_ms=99.0)
    guess, unknown = verdict("c", 11, "dog", trained=False), verdict("d", 11)
    (only,) = buckets(heard(right, wrong, guess, unknown))
    assert (only["predictions"], only["labelled"], only["correct"]) == (4, 2, 1)
    assert only["avg_latency_ms"] == 2.0


def test_a_label_that_comes_later_counts_where_its_image_is() -> None:
    found = heard(verdict("a", 11), verdict("a", 11, "cat"))
    (only,) = buckets(found)
    assert (only["predictions"], only["labelled"]) == (1, 1)


def test_what_came_after_the_newest_answer_is_not_known_yet() -> None:
    """A verdict waits for its last model: that there is none yet does not say that nothing was answered."""
    found = heard(verdict("a", 11), verdict("b", 31))

    def throughput() -> list[tuple[int, float]]:
        return [(one.ago, one.value) for one in past.throughput(found.history(None, NOW), WINDOW)["m"]]

    assert throughput() == [(9, 0.2), (8, 0.0), (7, 0.0), (6, 0.0), (5, 0.2)]
    found.take(verdict("c", 57), NOW.timestamp())
    assert throughput()[-2:] == [(2, 0.0), (1, 0.0)], "and the last bucket is still filling"


def older(*seconds: int) -> dict[str, Any]:
    """The API's own buckets."""
    starts = [datetime.fromtimestamp(START + second, UTC).isoformat() for second in seconds]
    return {"buckets": [{"start": start, "model": "m", "predictions": 20} for start in starts]}


def test_what_came_before_we_listened_is_from_the_api_and_nothing_is_counted_twice() -> None:
    # From second 23 on we listen, so what was made from second 25 on is counted here, and the API has the rest.
    found = heard(verdict("a", 24), verdict("b", 26), since=START + 23)
    shown = buckets(found, older(10, 15, 20, 25))
    assert [datetime.fromisoformat(each["start"]).second for each in shown] == [10, 15, 20, 25]
    assert [each["predictions"] for each in shown] == [20, 20, 20, 1]
    assert not found.whole(NOW)
    assert found.whole(NOW + timedelta(seconds=45))
    assert buckets(heard(verdict("b", 31)), older(0, 5, 10)) == buckets(heard(verdict("b", 31)))


def test_after_a_break_the_api_tells_what_was_missed() -> None:
    board = Board()
    assert not board.minute.whole(datetime.now(UTC))
    board.take_link(Link("live"))
    first = board.minute.since
    board.take_link(Link("live"))
    assert board.minute.since == first
    board.minute.begin(0)
    board.take_link(Link("reconnecting"))
    board.take_link(Link("live"))
    assert board.minute.since >= first


def test_old_verdicts_are_forgotten() -> None:
    found = heard(verdict("a", 11))
    found.take(verdict("b", 100), NOW.timestamp() + minute.KEPT_S + 1)
    assert list(found._verdicts) == ["b"]


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.5, 2.5), (0.95, 3.85), (1.0, 4.0)])
def test_a_quantile_lies_between_values_as_postgresql_says(share: float, value: float) -> None:
    assert minute.quantile([4.0, 1.0, 3.0, 2.0], share) == pytest.approx(value)


@given(st.lists(st.floats(0, 57), min_size=1, max_size=30))
def test_no_answer_of_the_minute_is_lost(seconds: list[float]) -> None:
    found = heard(*[verdict(str(number), second) for number, second in enumerate(seconds)])
    assert sum(each["predictions"] for each in buckets(found)) == len(seconds)
    assert fmean(each["avg_confidence"] for each in buckets(found)) == pytest.approx(0.8)
