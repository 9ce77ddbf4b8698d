"""Rates between two readings, and workers that say that they are there."""

from datetime import timedelta

import pytest

from streamapp import presence
from streamapp.presence import Presence
from streamapp.storage.cache import CacheFigures
from streamapp.storage.memory import MemoryCache
from streamapp.system import CacheState, Reading, cache_state, topic_rates


def reading(at: float, **ends: int) -> Reading:
    return Reading(at, ends, 0, None)


def test_a_rate_is_what_came_in_between() -> None:
    rates = topic_rates(reading(10, a=100, b=5, c=9), reading(12, a=150, b=5, c=2, d=7))
    assert {name: (one.messages, one.per_s) for name, one in rates.items()} == {
        "a": (150, 25.0),
        "b": (5, 0.0),
        "c": (2, 0.0),
        "d": (7, 0.0),
    }


@pytest.mark.parametrize(
    ("before", "after", "rate"),
    [
        (CacheFigures(10, 10, 1), CacheFigures(13, 11, 9), 0.75),
        (CacheFigures(10, 10, 1), CacheFigures(10, 10, 9), None),
        (CacheFigures(10, 10, 1), CacheFigures(2, 1, 9), None),
        (None, CacheFigures(5, 5, 9), None),
    ],
)
def test_the_hit_rate_is_that_of_the_last_moments(
    before: CacheFigures | None, after: CacheFigures, rate: float | None
) -> None:
    assert cache_state(before, after) == CacheState(hit_rate=rate, hits=after.hits, misses=after.misses, bytes=9)
    assert cache_state(before, None) is None


async def test_workers_that_say_nothing_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = MemoryCache()
    stats, api = Presence("stats", "host:1"), Presence("api", "host:2")
    stats.cache = api.cache = cache  # type: ignore[assignment]
    stats._started_at -= timedelta(minutes=5)
    monkeypatch.setattr(presence, "FORGET_S", 60.0)
    await stats.say()
    await api.say()
    found = await presence.present(cache)  # type: ignore[arg-type]
    assert [(one.role, one.worker) for one in found] == [("api", "host:2"), ("stats", "host:1")]
    assert 300 <= found[1].uptime_s < 310
    monkeypatch.setattr(presence, "FORGET_S", -1.0)
    await stats.say()
    assert [one.role for one in await presence.present(cache)] == ["api"]  # type: ignore[arg-type]
