"""The sketch keeps its accuracy, and what it knows does not depend on the order."""

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.sketch import ACCURACY, MAX_MS, MIN_MS, Sketch

times = st.floats(MIN_MS, MAX_MS)
any_times = st.one_of(times, st.floats(-1e4, MIN_MS, exclude_max=True))
quantiles = st.floats(0, 1)


def sketch(values):
    result = Sketch()
    for value in values:
        result.add(value)
    return result


@given(st.lists(times, min_size=1, max_size=200), quantiles)
def test_a_quantile_is_within_one_percent(values, q):
    true = sorted(values)[math.floor(q * (len(values) - 1))]
    assert sketch(values).quantile(q) == pytest.approx(true, rel=ACCURACY * (1 + 1e-6))


@given(st.lists(any_times, max_size=50), st.lists(any_times, max_size=50))
def test_merged_parts_are_the_whole(left, right):
    merged, other_way = sketch(left), sketch(right)
    merged.merge(sketch(right))
    other_way.merge(sketch(left))
    assert merged == other_way == sketch(left + right)


@given(st.lists(any_times, max_size=50), st.randoms())
def test_the_order_does_not_matter(values, chance: random.Random):
    shuffled = list(values)
    chance.shuffle(shuffled)
    assert sketch(values) == sketch(shuffled)


@given(st.lists(any_times, max_size=50))
def test_json_keeps_everything(values):
    whole = sketch(values)
    assert Sketch.from_json(json.loads(json.dumps(whole.to_json()))) == whole


def test_count_sum_mean_and_extremes_are_exact():
    three = sketch([1.5, 0.25, 4.0])
    assert (three.count, three.sum, three.min, three.max) == (3, 5.75, 0.25, 4.0)
    assert three.mean == pytest.approx(5.75 / 3, rel=1e-12)


def test_nothing_has_no_quantile_and_no_mean():
    assert (Sketch().quantile(0.5), Sketch().mean, Sketch().min, Sketch().max) == (None, None, None, None)


def test_times_below_a_microsecond_and_negative_ones_count_as_zero():
    mixed = sketch([-3.0, 0.0, 0.0005, 8.0])
    assert (mixed.quantile(0.5), mixed.min, mixed.sum) == (0.0, 0.0, 8.0)
    assert mixed.quantile(1) == pytest.approx(8.0, rel=ACCURACY)


def test_a_time_beyond_the_largest_counts_as_the_largest():
    assert sketch([1e300]).max == MAX_MS


def test_quantiles_of_one_value_are_that_value():
    assert {sketch([7.3]).quantile(q) for q in (0, 0.5, 0.99, 1)} == {7.3}


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan])
def test_a_wrong_quantile_is_refused(q):
    with pytest.raises(ValueError, match="between 0 and 1"):
        sketch([1.0]).quantile(q)


def test_many_values_stay_small():
    chance = random.Random(1)
    busy = sketch(chance.lognormvariate(2, 0.3) for _ in range(100_000))
    assert len(busy.bins) < 200
