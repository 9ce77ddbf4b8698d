"""Verdicts with numbers computed by hand."""

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.votes import consensus, disagreement, ensemble, fastest, most_confident
from tests.unit.tables.samples import prediction


def three(first, second, third):
    return [prediction(name, top_k=top_k) for name, top_k in zip("abc", (first, second, third), strict=True)]


CAT, DOG = (("cat", 1.0), ("dog", 0.0)), (("dog", 1.0), ("cat", 0.0))


def test_the_fastest_ran_in_the_lane():
    slow, fast = prediction("a", inference_ms=9.0), prediction("b", inference_ms=5.0)
    bypassed = prediction("c", inference_ms=1.0, lane="bypassed")
    without_lane = prediction("d", inference_ms=2.0, lane="off")
    assert fastest([slow, fast, bypassed]) == "b"
    assert fastest([slow, fast, bypassed, without_lane]) == "d"
    assert fastest([bypassed]) is fastest([]) is None


def test_equals_are_decided_by_name():
    assert fastest([prediction("b"), prediction("a")]) == "a"
    assert most_confident([prediction("b"), prediction("a")]) == "a"


def test_the_most_confident():
    assert most_confident([prediction("a", confidence=0.7), prediction("b", confidence=0.9)]) == "b"
    assert most_confident([]) is None


def test_consensus_needs_strictly_the_most_votes():
    assert consensus(three(CAT, CAT, DOG)) == ("cat", 2 / 3)
    assert consensus(three(CAT, DOG, (("frog", 1.0),))) == (None, 1 / 3)
    assert consensus(three(CAT, CAT, DOG)[1:]) == (None, 1 / 2)
    assert consensus(three(CAT, CAT, DOG)[:1]) == ("cat", 1.0)
    assert consensus([]) == (None, 0.0)


def test_the_ensemble_is_the_highest_mean_probability_and_can_outvote_the_consensus():
    answers = three((("cat", 0.51), ("dog", 0.49)), (("cat", 0.52), ("dog", 0.48)), (("dog", 0.98), ("cat", 0.02)))
    assert consensus(answers)[0] == "cat"
    label, probability = ensemble(answers)
    assert (label, probability) == ("dog", pytest.approx((0.49 + 0.48 + 0.98) / 3))


def test_a_class_outside_a_top_k_counts_as_zero():
    assert ensemble(three((("cat", 0.6),), (("dog", 0.5),), (("dog", 0.4),))) == ("dog", pytest.approx(0.3))
    assert ensemble([]) == (None, None)


def test_disagreement_is_zero_for_the_same_and_one_for_disjoint_answers():
    assert disagreement(three(CAT, CAT, CAT)) == 0.0
    assert disagreement(three(CAT, DOG, (("frog", 1.0),))) == 1.0
    assert disagreement(three(CAT, DOG, DOG)[:2]) == 1.0
    assert disagreement(three(CAT, DOG, DOG)[:1]) == disagreement([]) == 0.0


def test_disagreement_of_two_against_one_by_hand():
    # mean = (2/3, 1/3); each answer has entropy 0; three models, two classes: divided by log2(2) = 1
    entropy_of_mean = -(2 / 3 * log2(2 / 3) + 1 / 3 * log2(1 / 3))
    assert disagreement(three(CAT, CAT, DOG)) == pytest.approx(entropy_of_mean)
    # (0.5, 0.5) against (1, 0): mean (0.75, 0.25), mean entropy 0.5
    half = (("cat", 0.5), ("dog", 0.5))
    expected = -(0.75 * log2(0.75) + 0.25 * log2(0.25)) - 0.5
    assert disagreement(three(CAT, half, DOG)[:2]) == pytest.approx(expected)


def test_a_top_k_that_is_cut_off_is_scaled():
    assert disagreement(three((("cat", 0.5),), (("cat", 0.25),), (("cat", 0.1),))) == 0.0


def test_what_is_no_probability_is_cut_to_one():
    assert ensemble(three((("cat", 1e308), ("dog", -5.0)), CAT, DOG)) == ("cat", pytest.approx(2 / 3))
    assert disagreement(three((("cat", 1e308), ("dog", 1e308)), CAT, DOG)) <= 1


weights = st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda values: sum(values) > 0)


@given(st.lists(weights, min_size=1, max_size=5), st.randoms())
def test_disagreement_is_between_zero_and_one_and_knows_no_order(rows, chance):
    answers = [
        prediction(f"m{index}", top_k=[(f"c{n}", value / max(sum(row), 1)) for n, value in enumerate(row)])
        for index, row in enumerate(rows)
    ]
    shuffled = answers[:]
    chance.shuffle(shuffled)
    assert 0 <= disagreement(answers) <= 1
    assert disagreement(answers) == disagreement(shuffled)
    assert ensemble(answers) == ensemble(shuffled)
