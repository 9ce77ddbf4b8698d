"""What goes into a model and what comes out, alike for every runtime."""

import numpy as np
import numpy.typing as npt

from streamapp.errors import ModelError
from streamapp.runtime.spec import ModelInfo


def check(batch: npt.NDArray[np.uint8], info: ModelInfo) -> None:
    """Refuse what is not uint8 [N, size, size, 3] with N ≥ 1.

    Raises:
        ModelError: the batch has another shape or type.
    """
    size = info.input_size
    if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1:] != (size, size, 3) or not len(batch):
        raise ModelError(
            f"model {info.model!r} takes uint8 [N, {size}, {size}, 3], not {batch.dtype} {list(batch.shape)}"
        )


def normalised(answer: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """A copy as float32 whose rows sum to 1; half precision rounds the softmax too."""
    probabilities = answer.astype(np.float32)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities
