"""What goes into a model and what comes out."""

import numpy as np
import pytest

from streamapp.errors import ModelError
from streamapp.runtime.batches import check, normalised
from streamapp.runtime.spec import CIFAR10, ModelInfo

INFO = ModelInfo("mine", "1", True, "TinyCNN", "fresh", "openvino", "f32", 64, CIFAR10, 1, 1.0)


@pytest.mark.parametrize("images", [1, 3])
def test_a_batch_of_the_right_shape_passes(images: int) -> None:
    check(np.zeros((images, 64, 64, 3), np.uint8), INFO)


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((64, 64, 3), np.uint8),
        np.zeros((0, 64, 64, 3), np.uint8),
        np.zeros((1, 32, 32, 3), np.uint8),
        np.zeros((1, 64, 64, 1), np.uint8),
        np.zeros((1, 64, 64, 3), np.float32),
    ],
)
def test_any_other_is_refused(batch: np.ndarray) -> None:
    with pytest.raises(ModelError, match=r"'mine' takes uint8 \[N, 64, 64, 3\], not "):
        check(batch, INFO)


def test_answers_are_copies_that_sum_to_one() -> None:
    answer = np.array([[0.5, 0.503], [0.1, 0.1]], np.float16)
    probabilities = normalised(answer)
    assert probabilities.dtype == np.float32
    assert probabilities.sum(axis=1) == pytest.approx([1, 1])
    answer[:] = 0
    assert probabilities[1] == pytest.approx([0.5, 0.5])
