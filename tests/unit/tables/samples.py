"""Messages for the tests of the tables."""

from datetime import UTC, datetime
from uuid import UUID

from streamapp.records import DeadLetter, LabelMessage, Prediction, Shed, prediction_id
from tables.book import Book

NOON = datetime(2026, 11, 22, 12, 0, 3, tzinfo=UTC)
NOON_S = int(NOON.timestamp())
IMAGE = UUID("8e1a6c9a-3b64-4a7e-9d0e-0d4f0f1c2b3a")


def prediction(model="resnet50", image_id=IMAGE, top_k=(("cat", 0.75), ("dog", 0.25)), **fields):
    values = {
        "prediction_id": prediction_id(image_id, model),
        "image_id": image_id,
        "model": model,
        "model_version": "1",
        "prediction": top_k[0][0],
        "confidence": min(1.0, top_k[0][1]),
        "top_k": list(top_k),
        "timestamp": NOON,
        "queue_ms": 3.0,
        "fetch_ms": 1.0,
        "preprocess_ms": 0.5,
        "lane_ms": 0.25,
        "inference_ms": 8.0,
        "total_ms": 13.0,
    }
    return Prediction.model_validate(values | fields)


def dead_letter(model="resnet50", image_id=IMAGE, **fields):
    values = {
        "group": f"streamapp-{model}",
        "image_id": image_id,
        "model": model,
        "stage": "fetch",
        "reason": "object-missing",
        "error": "no such object",
        "topic": "images-input-stream",
        "partition": 0,
        "offset": 4,
        "timestamp": NOON,
        "value": "",
    }
    return DeadLetter.model_validate(values | fields)


def shed(model="resnet50", image_id=IMAGE, **fields):
    values = {"image_id": image_id, "model": model, "timestamp": NOON, "age_ms": 2100.0, "deadline_ms": 2000.0}
    return Shed.model_validate(values | {"camera_id": "door"} | fields)


def label(name, image_id=IMAGE, **fields):
    return LabelMessage.model_validate({"image_id": image_id, "label": name, "by": "ana", "timestamp": NOON} | fields)


class Kept(dict):
    """A backing in memory, as a table's data is."""

    def keep(self, writes):
        for write in writes:
            if write.value is None:
                self.pop(write.key, None)
            else:
                self[write.key] = write.value

    def forget(self, key):
        del self[key]


def book(kept=None, expected=("efficientnet", "mobilenet", "resnet50"), deadline_s=30.0):
    kept = kept or (Kept(), Kept(), Kept())
    return Book(*kept, frozenset(expected), deadline_s)


def keep(shelf, writes):
    """As after a checkpoint."""
    shelf.backing.keep(writes)
    shelf.kept(writes)
