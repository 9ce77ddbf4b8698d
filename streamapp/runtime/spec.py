"""What a model is: the spec that an agent file states, and the facts about it once it is loaded."""

import json
import re
from dataclasses import asdict, dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from streamapp.errors import ModelError
from streamapp.settings import Settings

#: The ten classes of CIFAR-10, in the order of the data set's own numbers.
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

RUNTIMES = ("openvino", "keras")
PRECISIONS = ("f32", "bf16", "int8")
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
    `streamapp.runtime.weights` understands. `detail` is the side in pixels of the pictures that it was trained on where
    those were enlarged to the input, as CIFAR-10's are: larger pictures are reduced to it first. `precision` and
    `runtime` are those of the settings where they are None.

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
    detail: int | None = 32

    def __post_init__(self) -> None:
        for wrong in self._wrong():
            raise ModelError(f"model {self.name!r}: {wrong}")

    def at(self, precision: str) -> "ModelSpec":
        """This model at another precision, as a contestant of its own: `mobilenet` at int8 is `mobilenet-int8`."""
        return replace(self, name=f"{self.name}-{precision}", precision=precision)

    def run_by(self, settings: Settings) -> tuple[str, str]:
        """The runtime and the precision that it shall run with: its own, else those of the settings.

        Raises:
            ModelError: the runtime keras shall run int8.
        """
        runtime, precision = self.runtime or settings.runtime, self.precision or settings.precision
        if (runtime, precision) == ("keras", "int8"):
            raise ModelError(f"model {self.name!r}: only the runtime openvino runs int8")
        return runtime, precision

    def to_json(self) -> str:
        """All fields, for another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "ModelSpec":
        """The spec that `to_json` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "labels": tuple(fields["labels"])})

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
            (
                self.detail is None or (isinstance(self.detail, int) and self.detail >= SMALLEST_INPUT),
                f"detail must be None or at least {SMALLEST_INPUT} pixels, not {self.detail!r}",
            ),
            (_are_labels(self.labels), "labels must be a tuple of at least two different texts"),
            (bool(self.weights), "weights must not be empty"),
            (self.precision in (None, *PRECISIONS), f"precision must be one of {', '.join(PRECISIONS)}"),
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
class Accuracy:
    """Share of right answers, 0 to 1, with its 95 % interval, on `pictures` test pictures that training did not see."""

    value: float
    low: float
    high: float
    pictures: int


@dataclass(frozen=True)
class ModelInfo:
    """A loaded model in facts.

    `model_version` tells two sets of weights apart. `trained` is False for freshly initialised weights. `precision` is
    what is really used. `flops` is operations for one image: two for each multiply-add of convolutions and
    matrix products. `sha256` is the hash of the weights (`Weights.digest`). `accuracy` is what training measured, None
    where it is not known. `detail` is that of `ModelSpec`, `size_bytes` the size of the files that the runtime loads.
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
    sha256: str = ""
    accuracy: Accuracy | None = None
    detail: int | None = None
    size_bytes: int = 0


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
