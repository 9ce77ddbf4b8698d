"""What the API says, as the page reads it: races, answers and the figures of each model."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

#: The stages of one answer, in the order in which they happen. Waiting is not work: see WAITS.
STAGES = ("queue", "fetch", "preprocess", "lane", "inference")
WAITS = frozenset({"queue", "lane"})

WINDOWS = ("1m", "5m", "15m")
Json = Mapping[str, Any]
T = TypeVar("T")


class UnexpectedAnswer(Exception):
    """The API answered with something that this page cannot read; the text says what."""


@dataclass(frozen=True)
class Answer:
    """What one model said about one image; times are milliseconds."""

    model: str
    prediction: str
    confidence: float
    stages: Mapping[str, float]
    total_ms: float
    trained: bool = True
    bypassed: bool = False

    @classmethod
    def parse(cls, data: Json) -> "Answer":
        """Read a prediction of the API."""
        return cls(
            model=str(data["model"]),
            prediction=str(data["prediction"]),
            confidence=float(data["confidence"]),
            stages={stage: float(data.get(f"{stage}_ms") or 0) for stage in STAGES},
            total_ms=float(data["total_ms"]),
            trained=bool(data.get("trained", True)),
            bypassed=data.get("lane") == "bypassed",
        )


@dataclass(frozen=True)
class Race:
    """One image and what the models said about it, so far."""

    image_id: str
    timestamp: datetime
    source: str
    camera_id: str | None = None
    label: str | None = None
    answers: tuple[Answer, ...] = ()
    dead: tuple[str, ...] = ()
    shed: tuple[str, ...] = ()
    pending: bool = True
    complete: bool = False
    fastest: str | None = None
    most_confident: str | None = None
    consensus: str | None = None
    agreement: float | None = None

    @classmethod
    def from_verdict(cls, data: Json) -> "Race":
        """Read a verdict.

        Raises:
            UnexpectedAnswer: a field is missing or has a wrong type.
        """
        return _read(lambda: cls(**_origin(data), **_outcome(data)), "verdict")

    @classmethod
    def from_image(cls, data: Json) -> "Race":
        """Read an item of the list of images: the image, its predictions, its verdict if there is one.

        Raises:
            UnexpectedAnswer: a field is missing or has a wrong type.
        """

        def read() -> "Race":
            origin = _origin(data["image"])
            verdict = data.get("verdict")
            if verdict is None:
                return cls(**origin, answers=_answers(data["predictions"]))
            # The API lists the predictions beside the verdict, which then has none of its own.
            return cls(**origin, **_outcome({**verdict, "predictions": data["predictions"]}))

        return _read(read, "image")

    @property
    def models(self) -> list[str]:
        """The models that have answered, given up, or left the frame out."""
        return [*(answer.model for answer in self.answers), *self.dead, *self.shed]


@dataclass(frozen=True)
class ModelStats:
    """The figures of one model over a window; None where nothing was measured. Times are milliseconds."""

    model: str
    images: int
    rate: float
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    total_p95_ms: float | None
    confidence: float | None
    accuracy: float | None
    errors: int
    trained: bool

    @classmethod
    def parse(cls, data: Json) -> "ModelStats":
        """Read one model of the statistics."""
        images, stages = int(data["count"]), data.get("stages") or {}
        inference, total = stages.get("inference") or {}, stages.get("total") or {}
        measured = images > 0
        return cls(
            model=str(data["model_name"]),
            images=images,
            rate=float(data["throughput_imgs_per_sec"] or 0),
            mean_ms=_number(data.get("avg_latency_ms"), measured),
            p50_ms=_number(inference.get("p50"), measured),
            p95_ms=_number(inference.get("p95"), measured),
            p99_ms=_number(inference.get("p99"), measured),
            total_p95_ms=_number(total.get("p95"), measured),
            confidence=_number(data.get("avg_confidence"), measured),
            accuracy=_number(data.get("accuracy"), measured),
            errors=int(data.get("errors") or 0),
            trained=bool(data.get("trained", True)),
        )


@dataclass(frozen=True)
class Stats:
    """The figures of every model over a window, and the accuracy of their mean probability."""

    window: str
    models: tuple[ModelStats, ...] = ()
    ensemble_accuracy: float | None = None

    @classmethod
    def parse(cls, data: Json) -> "Stats":
        """Read the statistics of a window.

        Raises:
            UnexpectedAnswer: a field is missing or has a wrong type.
        """

        def read() -> "Stats":
            models = tuple(ModelStats.parse(model) for model in data["models"])
            accuracy = _number((data.get("ensemble") or {}).get("accuracy"), True)
            return cls(str(data["window"]), models, accuracy)

        return _read(read, "statistics")


def _read(read: Callable[[], T], what: str) -> T:
    """Run `read`; whatever it stumbles over is the API's answer, not ours."""
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedAnswer(f"the API sent a {what} that this page cannot read: {error!r}") from None


def _origin(data: Json) -> dict[str, Any]:
    """Which image it is and where it comes from."""
    timestamp = datetime.fromisoformat(str(data["timestamp"]))
    return {
        "image_id": str(data["image_id"]),
        "timestamp": timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC),
        "source": str(data.get("source") or "upload"),
        "camera_id": data.get("camera_id"),
        "label": data.get("label"),
    }


def _outcome(verdict: Json) -> dict[str, Any]:
    """What the models said, together."""
    return {
        "answers": _answers(verdict.get("predictions") or []),
        **{name: tuple(verdict.get(name) or ()) for name in ("dead", "shed")},
        "pending": False,
        "complete": bool(verdict["complete"]),
        **{name: verdict.get(name) for name in ("fastest", "most_confident", "consensus")},
        "agreement": float(verdict["agreement"]),
    }


def _answers(predictions: Iterable[Json]) -> tuple[Answer, ...]:
    return tuple(Answer.parse(prediction) for prediction in predictions)


def _number(value: Any, measured: bool) -> float | None:
    return float(value) if measured and value is not None else None
