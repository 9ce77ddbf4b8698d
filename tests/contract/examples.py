"""Messages to store, each with what a test cares about."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from streamapp.records import (
    DeadLetter,
    ImageMessage,
    LabelMessage,
    Prediction,
    Verdict,
    base64_text,
    prediction_id,
)
from streamapp.storage.rows import Published

T0 = datetime(2026, 11, 22, 12, tzinfo=UTC)


def image(image_id: UUID | None = None, second: float = 0, **fields: Any) -> ImageMessage:
    image_id = image_id or uuid4()
    plain: dict[str, Any] = {
        "image_id": image_id,
        "minio_path": f"raw-images/2026/11/22/{image_id}.jpg",
        "timestamp": T0 + timedelta(seconds=second),
        "source": "cifar10",
        "content_type": "image/jpeg",
        "sha256": "0" * 64,
    }
    return ImageMessage(**{**plain, **fields})


def placed(message: ImageMessage, offset: int = 0, partition: int = 0) -> Published:
    """An image as the recorder has read it."""
    return Published(message, partition, offset)


def prediction(image_id: UUID | None = None, model: str = "resnet50", **fields: Any) -> Prediction:
    image_id = image_id or uuid4()
    plain: dict[str, Any] = {
        "prediction_id": prediction_id(image_id, model, fields.get("run_id", "live")),
        "image_id": image_id,
        "model": model,
        "model_version": "cifar10-1",
        "prediction": "cat",
        "confidence": 0.75,
        "top_k": [("cat", 0.75), ("dog", 0.25)],
        "timestamp": T0 + timedelta(milliseconds=31.25),
        "source": "webcam",
        "camera_id": "door",
        "label": "dog",
        "queue_ms": 1.5,
        "fetch_ms": 2.5,
        "preprocess_ms": 3.5,
        "lane_ms": 0.5,
        "inference_ms": 15.25,
        "total_ms": 31.25,
        "lane": "bypassed",
    }
    return Prediction(**{**plain, **fields})


def verdict(image_id: UUID, answers: int, complete: bool, **fields: Any) -> Verdict:
    plain: dict[str, Any] = {
        "image_id": image_id,
        "timestamp": T0,
        "expected": 3,
        "answers": answers,
        "complete": complete,
        "fastest": "mobilenet",
        "consensus": "cat",
        "agreement": 1.0,
        "ensemble": "cat",
        "ensemble_confidence": 0.75,
        "disagreement": 0.125,
        "dead": ["resnet50"],
    }
    return Verdict(**{**plain, **fields})


def label(image_id: UUID, name: str, second: float = 0, by: str = "ann") -> LabelMessage:
    return LabelMessage(image_id=image_id, label=name, by=by, timestamp=T0 + timedelta(seconds=second))


def dead_letter(offset: int = 0, **fields: Any) -> DeadLetter:
    plain: dict[str, Any] = {
        "group": "streamapp-resnet50",
        "stage": "inference",
        "reason": "model-failed",
        "error": "boom",
        "topic": "images-input-stream",
        "partition": 3,
        "offset": offset,
        "timestamp": T0,
        "value": base64_text(b"the original \x00 value"),
    }
    return DeadLetter(**{**plain, **fields})
