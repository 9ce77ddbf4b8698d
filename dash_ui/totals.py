"""What each model did in a whole window: the buckets of the history, added up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dash_ui.past import cell, wilson

#: What an exported table has of each model.
COLUMNS = ("model", "predictions", "labelled", "correct", "accuracy", "low", "high", "avg_latency_ms")


@dataclass(frozen=True)
class Total:
    """One model; `inference_ms` is the mean time of its own work, None where nothing was measured."""

    model: str
    predictions: int
    labelled: int
    correct: int
    inference_ms: float | None

    @property
    def accuracy(self) -> float | None:
        """The share of the labelled that is right; None without any."""
        return self.correct / self.labelled if self.labelled else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the accuracy."""
        return wilson(self.correct, self.labelled) if self.labelled else None


def of(history: Mapping[str, Any]) -> list[Total]:
    """The models of a history by name; buckets from before its beginning do not count."""
    begin = datetime.fromisoformat(history["from"])
    found: dict[str, list[Mapping[str, Any]]] = {}
    for bucket in history["buckets"]:
        if datetime.fromisoformat(bucket["start"]) >= begin:
            found.setdefault(str(bucket["model"]), []).append(bucket)
    return [_total(model, buckets) for model, buckets in sorted(found.items())]


def _total(model: str, buckets: Iterable[Mapping[str, Any]]) -> Total:
    """The mean of the buckets' means, weighted by their answers: the history does not say how many ran alone."""
    numbers = {"predictions": 0, "labelled": 0, "correct": 0}
    times, timed = 0.0, 0
    for bucket in buckets:
        for name in numbers:
            numbers[name] += int(bucket[name])
        if bucket["avg_latency_ms"] is not None:
            times += bucket["avg_latency_ms"] * bucket["predictions"]
            timed += bucket["predictions"]
    return Total(model, **numbers, inference_ms=times / timed if timed else None)


def csv(history: Mapping[str, Any]) -> Iterable[str]:
    """The totals as lines of CSV, a model on each."""
    yield ",".join(COLUMNS) + "\r\n"
    for each in of(history):
        counts = (each.model, each.predictions, each.labelled, each.correct)
        low, high = each.interval or (None, None)
        yield ",".join(map(cell, (*counts, each.accuracy, low, high, each.inference_ms))) + "\r\n"
