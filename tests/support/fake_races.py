"""Made-up races for tests of the dashboard: realistic values, no model behind them. Never used by the platform."""

import io
import random
import statistics
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import skimage.data
from PIL import Image

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
WINDOW_S = {"1m": 60, "5m": 300, "15m": 900}
# Photograph, the class that the fake answers lean to, and its label where it has one.
PHOTOS = (
    ("chelsea", "cat", "cat"),
    ("rocket", "airplane", None),
    ("astronaut", "dog", None),
    ("coffee", "frog", None),
    ("horse", "horse", "horse"),
    ("camera", "bird", None),
)


@dataclass
class FakeModel:
    """How one made-up model behaves; times are milliseconds."""

    name: str
    inference_ms: float
    skill: float
    trained: bool = True
    dead: bool = False
    reload_error: str = ""


def usual_models() -> list[FakeModel]:
    """The three models of the platform."""
    return [FakeModel("efficientnet", 3.6, 0.86), FakeModel("mobilenet", 2.0, 0.74), FakeModel("resnet50", 7.9, 0.91)]


@cache
def jpeg(photo: str, corner: int, size: int) -> bytes:
    """A square cut of a photograph that scikit-image ships."""
    array = getattr(skimage.data, photo)()
    if array.dtype == bool:
        array = array.astype("uint8") * 255
    picture = Image.fromarray(array).convert("RGB")
    side = min(picture.size) * (70 + 6 * corner) // 100
    left, top = (picture.width - side) * corner // 5, (picture.height - side) * (5 - corner) // 5
    out = io.BytesIO()
    picture.crop((left, top, left + side, top + side)).resize((size, size)).save(out, "JPEG", quality=82)
    return out.getvalue()


@dataclass
class FakeWorld:
    """What has been raced so far."""

    models: list[FakeModel] = field(default_factory=usual_models)
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    races: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=2000))
    photos: dict[str, tuple[str, int]] = field(default_factory=dict)
    letters: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def race(
        self,
        source: str = "cifar10",
        image_id: str | None = None,
        label: str | None = None,
        camera: str | None = None,
    ) -> dict[str, Any]:
        """A new image, raced: its verdict."""
        photo, lean, known = self.dice.choice(PHOTOS)
        image_id = image_id or str(uuid4())
        self.photos[image_id] = (photo, self.dice.randrange(6))
        label = label or (known if source == "cifar10" else None)
        queue = self.dice.lognormvariate(0.6, 0.5)
        predictions = [self._predict(model, image_id, lean, label, queue) for model in self.models if not model.dead]
        verdict = self._verdict(image_id, source, label, predictions) | {"camera_id": camera}
        self.races.append(verdict)
        return verdict

    def _predict(self, model: FakeModel, image_id: str, lean: str, label: str | None, queue: float) -> dict[str, Any]:
        pick = self.dice
        right = pick.random() < model.skill
        best = lean if right else pick.choice([name for name in CLASSES if name != lean])
        stages = {
            "queue_ms": queue * pick.uniform(0.8, 1.3),
            "fetch_ms": pick.lognormvariate(0.2, 0.3),
            "preprocess_ms": pick.lognormvariate(-0.2, 0.2),
            "lane_ms": pick.expovariate(1 / 2.5),
            "inference_ms": model.inference_ms * pick.lognormvariate(0, 0.12),
        }
        confidence = min(0.999, pick.betavariate(9, 2) if right else pick.betavariate(4, 4))
        return {
            "prediction_id": str(uuid4()),
            "image_id": image_id,
            "model": model.name,
            "model_version": "1",
            "trained": model.trained,
            "prediction": best,
            "confidence": confidence,
            "top_k": [[best, confidence]],
            "timestamp": datetime.now(UTC).isoformat(),
            "label": label,
            **stages,
            "total_ms": sum(stages.values()) + pick.uniform(0.5, 2),
            "lane": "held",
        }

    def _verdict(
        self, image_id: str, source: str, label: str | None, predictions: list[dict[str, Any]]
    ) -> dict[str, Any]:
        votes = Counter(item["prediction"] for item in predictions).most_common(2)
        tied = len(votes) == 2 and votes[0][1] == votes[1][1]
        return {
            "image_id": image_id,
            "timestamp": datetime.now(UTC).isoformat(),
            "expected": len(self.models),
            "answers": len(predictions),
            "complete": True,
            "fastest": min(predictions, key=lambda item: item["inference_ms"])["model"],
            "most_confident": max(predictions, key=lambda item: item["confidence"])["model"],
            "consensus": None if tied else votes[0][0],
            "agreement": votes[0][1] / len(predictions),
            "disagreement": 0.1,
            "source": source,
            "label": label,
            "predictions": predictions,
            "dead": [model.name for model in self.models if model.dead],
            "thumbnail_url": f"/api/v1/images/{image_id}/thumbnail",
        }

    def stats(self, window: str) -> dict[str, Any]:
        """The figures over a window, from the races above."""
        since = datetime.now(UTC) - timedelta(seconds=WINDOW_S[window])
        recent = [race for race in self.races if datetime.fromisoformat(race["timestamp"]) > since]
        models = [self._model_stats(model, recent, window) for model in self.models]
        return {"window": window, "models": models, "ensemble": {"accuracy": None, "labelled": 0}}

    def _model_stats(self, model: FakeModel, races: list[dict[str, Any]], window: str) -> dict[str, Any]:
        rows = [item for race in races for item in race["predictions"] if item["model"] == model.name]
        labelled = [item for item in rows if item["label"]] if model.trained else []
        correct = sum(item["prediction"] == item["label"] for item in labelled)
        stages = {
            stage: _quantiles([item[f"{stage}_ms"] for item in rows]) for stage in ("inference", "queue", "total")
        }
        return {
            "model_name": model.name,
            "avg_latency_ms": stages["inference"]["mean"],
            "avg_confidence": statistics.fmean(item["confidence"] for item in rows) if rows else None,
            "accuracy": correct / len(labelled) if labelled else None,
            "throughput_imgs_per_sec": len(rows) / WINDOW_S[window],
            "capacity_imgs_per_sec": None,
            "total_predictions": len(rows),
            "count": len(rows),
            "errors": sum(model.name in race["dead"] for race in races),
            "labelled": len(labelled),
            "correct": correct,
            "trained": model.trained,
            "stages": stages,
        }


def _quantiles(values: list[float]) -> dict[str, float | None]:
    if not values:
        return {"p50": None, "p95": None, "p99": None, "mean": None}
    ordered = sorted(values)
    pick = {f"p{share}": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 95, 99)}
    return {**pick, "mean": statistics.fmean(values)}
