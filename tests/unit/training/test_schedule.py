"""The one-cycle learning rate."""

import pytest

from training.schedule import END_DIVISOR, RISE, START_DIVISOR, one_cycle

STEPS, PEAK = 1001, 0.01
TOP = round(RISE * (STEPS - 1))


def test_it_starts_low_peaks_once_and_ends_at_almost_nothing() -> None:
    rates = [one_cycle(step, STEPS, PEAK) for step in range(STEPS)]
    assert rates[0] == pytest.approx(PEAK / START_DIVISOR)
    assert rates[TOP] == max(rates) == pytest.approx(PEAK)
    assert rates[-1] == pytest.approx(PEAK / START_DIVISOR / END_DIVISOR)
    assert rates[: TOP + 1] == sorted(rates[: TOP + 1])
    assert rates[TOP:] == sorted(rates[TOP:], reverse=True)


def test_half_way_down_is_half_of_the_peak() -> None:
    assert one_cycle(TOP + (STEPS - 1 - TOP) // 2, STEPS, PEAK) == pytest.approx(PEAK / 2, rel=1e-4)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_trainings_have_a_rate_for_each_step(steps: int) -> None:
    assert all(0 < one_cycle(step, steps, PEAK) <= PEAK for step in range(steps))


@pytest.mark.parametrize("step", [-1, STEPS])
def test_there_is_no_step_outside(step: int) -> None:
    with pytest.raises(ValueError, match="is not one of"):
        one_cycle(step, STEPS, PEAK)
