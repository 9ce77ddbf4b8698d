"""Accuracy with its interval."""

import numpy as np
import pytest

from training.evaluation import Rate, evaluate, wilson


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe, 1998, Statistics in Medicine 17, 857–872, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_values(correct: int, total: int, low: float, high: float) -> None:
    assert wilson(correct, total) == pytest.approx((low, high), abs=5e-5)


def test_wilson_is_symmetric_and_knows_nothing_without_trials() -> None:
    low, high = wilson(7, 50)
    assert wilson(43, 50) == pytest.approx((1 - high, 1 - low))
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_confusion_matrix_has_the_truth_in_rows() -> None:
    answers = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    result = evaluate(np.array([0, 0, 1, 2]), answers, ("a", "b", "c"))
    assert result.confusion.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert result.accuracy == Rate(3, 4)
    assert result.per_class == {"a": Rate(1, 2), "b": Rate(1, 1), "c": Rate(1, 1)}
    assert result.to_json()["per_class"] == {"a": 0.5, "b": 1.0, "c": 1.0}


def test_a_class_without_pictures_is_no_division_by_zero() -> None:
    result = evaluate(np.array([0]), np.array([[0.9, 0.1]]), ("a", "b"))
    assert result.per_class["b"].value == 0.0
    assert result.per_class["b"].interval == (0.0, 1.0)
