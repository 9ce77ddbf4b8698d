"""Predictions, verdicts and figures for tests."""

from datetime import datetime
from typing import Any
from uuid import UUID

from streamapp.records import Prediction, Verdict, now, prediction_id
from streamapp.serving import ModelState
from streamapp.storage.alerts import Alert
from tables.aggregates import Bucket, bucket_start


def prediction(image_id: UUID, model: str = "mobilenet", **fields: Any) -> Prediction:
    times = dict.fromkeys(("queue_ms", "fetch_ms", "preprocess_ms", "lane_ms"), 1.0)
    values = {
        "prediction_id": prediction_id(image_id, model),
        "image_id": image_id,
        "model": model,
        "model_version": "1",
        "prediction": "cat",
        "confidence": 0.75,
        "top_k": [("cat", 0.75), ("dog", 0.25)],
        "timestamp": now(),
        "inference_ms": 4.0,
        "total_ms": 8.0,
        **times,
    }
    return Prediction(**{**values, **fields})


def verdict(image_id: UUID, models: tuple[str, ...] = ("mobilenet", "resnet50"), **fields: Any) -> Verdict:
    values = {
        "image_id": image_id,
        "timestamp": now(),
        "expected": len(models),
        "answers": len(models),
        "complete": True,
        "agreement": 1.0,
        "disagreement": 0.0,
        "consensus": "cat",
        "ensemble": "cat",
        "ensemble_confidence": 0.75,
        "fastest": models[0],
        "most_confident": models[0],
        "predictions": [prediction(image_id, model) for model in models],
    }
    return Verdict(**{**values, **fields})


def state(model: str = "mobilenet", timestamp: datetime | None = None, **fields: Any) -> ModelState:
    moment = timestamp or now()
    values = {
        "model": model,
        "model_version": "1",
        "trained": True,
        "architecture": "MobileNetV2",
        "weights": "cifar10",
        "runtime": "openvino",
        "precision": "f32",
        "input_size": 64,
        "labels": ["cat", "dog"],
        "parameters": 10,
        "flops": 1e6,
        "loaded_at": moment,
        "started_at": moment,
        "timestamp": moment,
    }
    return ModelState(**{**values, **fields})


def alert(**fields: Any) -> Alert:
    values = {
        "id": 1,
        "rule": "lag",
        "subject": "streamapp-mobilenet",
        "text": "streamapp-mobilenet is 2,000 messages behind (limit 1,000)",
        "value": 2000.0,
        "limit": 1000.0,
        "fired_at": now(),
        "resolved_at": None,
        "resolved_value": None,
    }
    return Alert(**{**values, **fields})


def bucket(model: str, partition: int, moment: float, count: int, **fields: Any) -> tuple[bytes, bytes]:
    """A message of `stats-partials` with `count` answers."""
    whole = Bucket(model, partition, bucket_start(moment), **fields)
    for number in range(count):
        whole.apply_prediction(prediction(UUID(int=number), model))
    return f"bucket|{whole.key}".encode(), whole.to_json()
