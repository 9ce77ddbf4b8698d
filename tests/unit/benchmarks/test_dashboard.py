"""What the benchmark of the dashboard counts, without a browser."""

import logging
from typing import Any

import pytest

from benchmarks import dashboard
from benchmarks.dashboard import Asked
from benchmarks.watched import Watched, figures
from streamapp.errors import ApiError


def noticed(shown: dict[str, float], refreshes: list[tuple[float, int]]) -> dict[str, Any]:
    return {"shown": shown, "refreshes": refreshes, "late": [0.0] * 99 + [50.0], "longest": 80.0}


def test_only_what_was_sent_in_the_time_is_counted() -> None:
    sent = {"early": 900.0, "a": 1000.0, "b": 1500.0, "unseen": 1700.0, "late": 3000.0}
    shown = {"early": 990.0, "a": 1100.0, "b": 1800.0, "late": 3001.0}
    found = figures(noticed(shown, [(950, 99_999), (1000, 10), (2000, 30), (2999, 20)]), sent, 1000, 3000)
    assert (found.verdicts, found.rate, found.shown) == (3, 1.5, pytest.approx(2 / 3))
    assert (found.delay_p50, found.delay_p95) == (300.0, 300.0)
    assert (found.refreshes_per_s, found.refresh_most_bytes, found.late_p99) == (1.5, 30, 50.0)


def test_a_page_that_shows_nothing_is_no_result() -> None:
    with pytest.raises(ApiError, match="showed no verdict"):
        figures(noticed({}, []), {"a": 1000.0}, 1000, 2000)


GOOD = Watched(50.0, 1500, 1.0, 120.0, 290.0, 5.0, 15_000, 19_000, 40.0, 90.0)
ONE, TEN = Asked(1, 5.0, 60.0, 0), Asked(10, 5.5, 62.0, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"delay_p95": 301.0},
        {"shown": 0.9},
        {"late_p99": 101.0},
        {"refresh_most_bytes": 20_001},
        {"refreshes_per_s": 11},
    ],
)
def test_a_page_that_misses_a_goal_is_not_good(changes: dict[str, Any]) -> None:
    result = {"pages": [GOOD, GOOD], "asked": [ONE, TEN], "streams": 1}
    assert dashboard.show(result)
    assert not dashboard.show({**result, "pages": [GOOD, GOOD._replace(**changes)]})


def test_browsers_that_cost_the_api_more_than_one_are_too_many() -> None:
    assert dashboard.cheap(ONE, TEN)
    assert not dashboard.cheap(ONE, TEN._replace(requests=50.0))
    assert not dashboard.cheap(ONE, TEN._replace(kb=600.0))
    assert not dashboard.cheap(ONE, TEN._replace(streams=1))
    assert not dashboard.show({"pages": [GOOD], "asked": [ONE, TEN], "streams": 2})


def test_requests_are_counted_by_the_access_log() -> None:
    log = logging.getLogger("aiohttp.access")
    with dashboard.counting() as counter:
        log.info("GET", extra={"response_size": 70})
        log.info("GET", extra={"response_size": 30})
    log.info("GET", extra={"response_size": 30})
    assert (counter.requests, counter.bytes) == (2, 100)
