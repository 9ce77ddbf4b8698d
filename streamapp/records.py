"""The messages that travel on the topics: JSON objects, decoded and checked here and nowhere else.

Unknown fields are ignored, so that fields may be added. Times are UTC; `…_ms` are milliseconds.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, Self
from uuid import UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from streamapp.errors import RecordError

LIVE = "live"
Lane = Literal["held", "bypassed", "off"]
Source = Literal["upload", "webcam", "cifar10", "folder", "unsplash"]

#: The stages of one prediction, in order. `total_ms` is the time from the image's timestamp to the answer.
STAGES = ("queue_ms", "fetch_ms", "preprocess_ms", "lane_ms", "inference_ms", "total_ms")


def now() -> datetime:
    """The present in UTC."""
    return datetime.now(UTC)


def prediction_id(image_id: UUID, model: str, run_id: str = LIVE) -> UUID:
    """The one id of a model's answer for an image in a run, the same on every try."""
    return uuid5(image_id, f"{model}/{run_id}")


class Record(BaseModel):
    """A message on a topic."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=(), allow_inf_nan=False)

    def encode(self) -> bytes:
        """As JSON, without the fields that are absent."""
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def decode(cls, value: bytes | None) -> Self:
        """From JSON.

        Raises:
            RecordError: the bytes are not such a message; the text names the first wrong field.
        """
        try:
            return cls.model_validate_json(value or b"")
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "message"
            raise RecordError(f"{cls.__name__}: {where}: {first['msg']}") from None


class ImageMessage(Record):
    """`images-input-stream`: an accepted image. Small originals also travel in the header `image`."""

    image_id: UUID
    minio_path: str = Field(max_length=1024, description="Bucket and key of the original.")
    timestamp: AwareDatetime
    source: Source = "upload"
    camera_id: str | None = Field(None, max_length=200)
    content_type: str = Field(max_length=100)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    label: str | None = Field(None, max_length=200)


class Prediction(Record):
    """`predictions-output`: one model's answer for one image."""

    prediction_id: UUID
    image_id: UUID
    model: str
    model_version: str
    trained: bool = Field(True, description="False: the weights are freshly initialised; left out of accuracy.")
    run_id: str = LIVE
    prediction: str
    confidence: float = Field(ge=0, le=1)
    top_k: list[tuple[str, float]] = Field(description="Labels with probability, best first; all of them up to 10.")
    timestamp: AwareDatetime = Field(description="When the answer was made.")
    source: Source = "upload"
    camera_id: str | None = None
    label: str | None = None
    queue_ms: float
    fetch_ms: float
    preprocess_ms: float
    lane_ms: float
    inference_ms: float
    total_ms: float
    lane: Lane = "held"
    amends: AwareDatetime | None = Field(
        default=None, description="When the dead letter was made that this retry takes back."
    )


class Shed(Record):
    """`images-shed`: a model was behind, and has left a camera's frame out that was too old to be live."""

    image_id: UUID
    model: str
    run_id: str = LIVE
    timestamp: AwareDatetime = Field(description="When it was left out.")
    age_ms: float = Field(description="How old the frame was then.")
    deadline_ms: float
    source: Source = "webcam"
    camera_id: str | None = None


class Verdict(Record):
    """`verdicts-output`: what the models of one race say together. Published again when a late answer amends it."""

    image_id: UUID
    timestamp: AwareDatetime
    expected: int = Field(description="Models that take part.")
    answers: int = Field(description="Models that predicted.")
    complete: bool = Field(description="Every model has its outcome; false: the deadline passed first.")
    fastest: str | None = Field(None, description="Smallest inference time; answers outside the lane left out.")
    most_confident: str | None = None
    consensus: str | None = Field(None, description="Class with strictly the most votes; none when the vote is tied.")
    agreement: float = Field(description="Share of the answers that voted for the leading class, 0 to 1.")
    ensemble: str | None = Field(None, description="Class with the highest mean probability.")
    ensemble_confidence: float | None = None
    disagreement: float = Field(description="Jensen-Shannon divergence of the answers, 0 (same) to 1.")
    source: Source = "upload"
    camera_id: str | None = None
    label: str | None = None
    predictions: list[Prediction] = Field(default_factory=list)
    dead: list[str] = Field(default_factory=list, description="Models that sent this image to the dead letters.")
    shed: list[str] = Field(default_factory=list, description="Models that left this frame out.")


class LabelMessage(Record):
    """`labels-input-stream`: the right class of an image, by a person or a program; null takes back what was given.

    Then the label that the image came with counts again, if it has one.
    """

    image_id: UUID
    label: str | None = Field(min_length=1, max_length=200)
    by: str = Field(max_length=200)
    timestamp: AwareDatetime

    def encode(self) -> bytes:
        """As JSON. The label is always said: a message that lacks it takes nothing back."""
        return self.model_dump_json().encode()


class DeadLetter(Record):
    """`images-dead-letter`: what could not be done, with where it came from and its original value (base64)."""

    group: str
    image_id: UUID | None = None
    model: str | None = None
    run_id: str = LIVE
    stage: Literal["decode", "fetch", "preprocess", "inference", "publish", "record"]
    reason: str = Field(description="Short and countable, such as `object-missing`.")
    error: str = Field(description="The error in words.")
    topic: str
    partition: int
    offset: int
    timestamp: AwareDatetime
    value: str = Field(description="The original message value, base64.")
    tries: int = Field(default=1, ge=1, description="How often it has failed.")
    amends: AwareDatetime | None = Field(default=None, description="When the letter was made whose retry has failed.")

    def image(self) -> ImageMessage | None:
        """The message that the original value is, where it is one and is whole."""
        try:
            return ImageMessage.decode(b64decode(self.value))
        except (ValueError, RecordError):
            return None


class Tick(Record):
    """`stats-ticks`: time has passed on a partition; close what is due."""

    partition: int
    timestamp: AwareDatetime


def base64_text(value: bytes | None) -> str:
    """Bytes as base64 text, for `DeadLetter.value`."""
    return b64encode(value or b"").decode("ascii")


def names(text: str) -> Sequence[str]:
    """The items of a list separated by commas, without blanks."""
    return [item.strip() for item in text.split(",") if item.strip()]
