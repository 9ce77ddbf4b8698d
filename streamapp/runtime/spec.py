"""What a model is: the spec that an agent file states, and the facts about it once it is loaded."""

import re
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from streamapp.errors import ModelError

#: The ten classes of CIFAR-10, in the order of the data set's own numbers.
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

RUNTIMES = ("openvino", "keras")
PRECISIONS = ("f32", "bf16")
#: A model's name is also its role's; these roles exist beside the models.
RESERVED_NAMES = ("api", "recorder", "stats")
NAME = re.compile(r"[a-z][a-z0-9-]*")
LONGEST_NAME = 40
SMALLEST_INPUT, LARGEST_INPUT = 8, 1024


@dataclass(frozen=True)
class ModelSpec:
    """One contestant. An agent file needs no more than this.

    `name` is its role, its consumer group and its column on the screen. `architecture` is a class of
    `keras.applications` or `TinyCNN`; its own preprocessing becomes part of the model. `input_size` is the side of the
    square input in pixels. `labels` are the classes in the order of the outputs. `weights` is a URI that
    `streamapp.runtime.weights` understands. `precision` and `runtime` are those of the settings where they are None.

    Raises:
        ModelError: a field has a wrong value; the text names it.
    """

    name: str
    architecture: str
    input_size: int = 64
    labels: tuple[str, ...] = CIFAR10
    weights: str = "cifar10"
    precision: str | None = None
    runtime: str | None = None

    def __post_init__(self) -> None:
        for wrong in self._wrong():
            raise ModelError(f"model {self.name!r}: {wrong}")

    def _wrong(self) -> list[str]:
        """What is wrong with the fields, in words."""
        checks = [
            (_is_name(self.name), f"name must be like `my-model2`, at most {LONGEST_NAME} characters"),
            (self.name not in RESERVED_NAMES, f"{', '.join(RESERVED_NAMES)} are the names of other roles"),
            (self.architecture.isidentifier(), f"architecture {self.architecture!r} is not the name of a class"),
            (
                isinstance(self.input_size, int) and SMALLEST_INPUT <= self.input_size <= LARGEST_INPUT,
                f"input_size must be {SMALLEST_INPUT} to {LARGEST_INPUT} pixels, not {self.input_size!r}",
            ),
            (_are_labels(self.labels), "labels must be a tuple of at least two different texts"),
            (bool(self.weights), "weights must not be empty"),
            (self.precision in (None, *PRECISIONS), f"precision must be {' or '.join(PRECISIONS)}"),
            (self.runtime in (None, *RUNTIMES), f"runtime must be {' or '.join(RUNTIMES)}"),
        ]
        return [text for right, text in checks if not right]


def _is_name(name: str) -> bool:
    return NAME.fullmatch(name) is not None and len(name) <= LONGEST_NAME


def _are_labels(labels: object) -> bool:
    if not isinstance(labels, tuple) or not all(isinstance(label, str) and label for label in labels):
        return False
    return 2 <= len(labels) == len(set(labels))


@dataclass(frozen=True)
class ModelInfo:
    """A loaded model in facts.

    `model_version` tells two sets of weights apart. `trained` is False for freshly initialised weights. `precision` is
    what is really used. `flops` is operations for one image: two for each multiply-add of convolutions and
    matrix products.
    """

    model: str
    model_version: str
    trained: bool
    architecture: str
    weights: str
    runtime: str
    precision: str
    input_size: int
    labels: tuple[str, ...]
    parameters: int
    flops: float


class Model(Protocol):
    """A loaded model; one thread uses it at a time."""

    info: ModelInfo

    def predict(self, batch: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Probabilities, float32 [N, classes], rows sum to 1, for uint8 RGB [N, H, W, 3].

        Raises:
            ModelError: the batch has another shape or type.
        """

    def close(self) -> None:
        """Free the memory; the model cannot be used afterwards."""
