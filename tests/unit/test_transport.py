"""How long a consumer waits between fetches: rarely asked when quiet, seldom when busy, at once for one image."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streamapp.transport import (
    BUSY_FACTOR,
    BUSY_FETCHES,
    QUIET_AFTER_S,
    QUIET_FACTOR,
    pace_fetches,
    pause_s,
)

NOW = 1000.0
PAUSE_MS = 10.0


@pytest.mark.parametrize(
    ("arrivals", "brought_data", "wanted_ms"),
    [
        ([NOW], True, 0),
        ([NOW - 0.5], False, PAUSE_MS),
        ([NOW - 0.1 * number for number in range(BUSY_FETCHES, 0, -1)], True, 0),  # ten in a whole second: not busy
        ([NOW - 0.05 * number for number in range(BUSY_FETCHES, 0, -1)], True, PAUSE_MS * BUSY_FACTOR),
        ([NOW - 0.05 * number for number in range(BUSY_FETCHES, 0, -1)], False, PAUSE_MS * BUSY_FACTOR),
        ([NOW - QUIET_AFTER_S - 0.1], False, PAUSE_MS * QUIET_FACTOR),
    ],
    ids=["one image", "after one image", "some images", "busy", "busy and empty", "quiet"],
)
def test_the_pause_follows_the_traffic(arrivals: list[float], brought_data: bool, wanted_ms: float) -> None:
    assert pause_s(arrivals, NOW, PAUSE_MS, brought_data) == pytest.approx(wanted_ms / 1000)


def consumer(fetch: Any) -> Any:
    return SimpleNamespace(_fetcher=SimpleNamespace(_proc_fetch_request=fetch))


def test_a_paced_consumer_pauses_and_says_what_the_fetch_said(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, pauses = [True, False], []

    async def fetch() -> bool:
        return answers.pop(0)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    paced = consumer(fetch)
    pace_fetches(cast(Any, paced), PAUSE_MS)
    monkeypatch.setattr(asyncio, "sleep", sleep)

    async def both() -> list[bool]:
        return [await paced._fetcher._proc_fetch_request() for _ in range(2)]

    assert asyncio.run(both()) == [True, False]
    assert pauses == [0.0, pytest.approx(PAUSE_MS / 1000)]


def test_without_a_pause_the_consumer_stays_as_it_is() -> None:
    async def fetch() -> bool:
        return False

    plain = consumer(fetch)
    pace_fetches(cast(Any, plain), 0)
    assert plain._fetcher._proc_fetch_request is fetch
