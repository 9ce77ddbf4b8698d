"""The fairness benchmark's arithmetic."""

import time

import pytest

from benchmarks.fairness import Fairness, Round, show
from benchmarks.racer import Course


def test_a_round_compares_the_race_with_what_was_around_it() -> None:
    found = Round(before_ms=1.0, race_ms=1.8, after_ms=2.0, bypassed=0)
    assert found.change == pytest.approx(0.2)
    assert found.noise == pytest.approx(1.0)
    assert Round(2.0, 1.0, 2.0, 0).change == pytest.approx(-0.5)


def test_one_disturbed_round_changes_nothing() -> None:
    rounds = [Round(1.0, 1.1, 1.0, 0), Round(1.0, 9.0, 1.0, 2), Round(1.0, 1.0, 1.0, 0)]
    found = Fairness.of(rounds)
    assert (found.alone_ms, found.race_ms, found.bypassed) == (1.0, 1.1, 2)
    assert found.change == pytest.approx(0.1)
    assert found.noise == 0


@pytest.mark.parametrize(("change", "good"), [(0.14, True), (-0.14, True), (0.16, False), (-0.16, False)])
def test_the_goal_counts_both_ways_and_only_with_the_lane(change: float, good: bool) -> None:
    one, bad = Fairness(1.0, 1.0, change, 0.0, 0), Fairness(1.0, 3.0, 2.0, 0.0, 0)
    result = {"images_per_second": 30.0, "back_to_back_ms": {"a": 1.0}, "lane": {"on": {"a": one}, "off": {"a": bad}}}
    assert show(result) is good


def test_images_come_on_time_and_late_ones_at_once() -> None:
    start = time.monotonic() + 0.01
    arrivals = []
    for arrival in Course(start, seconds=0.2, rate=100).arrivals():
        arrivals.append(arrival - start)
        time.sleep(max(0.0, arrival - time.monotonic()))
        if len(arrivals) == 3:
            time.sleep(0.05)
    assert arrivals[:3] == pytest.approx([0, 0.01, 0.02], abs=1e-6)
    assert arrivals[3] >= 0.06  # it came at 0.03, and was looked at when the third was done
    assert 15 <= len(arrivals) <= 21


def test_without_a_rate_the_next_image_is_there_at_once() -> None:
    start = time.monotonic()
    arrivals = list(zip(range(50), Course(start, seconds=5, rate=0).arrivals(), strict=False))
    assert arrivals[-1][1] - start < 1
