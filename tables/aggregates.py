"""Figures of a window, merged from the buckets of every partition: what the API and the dashboard show."""

from collections.abc import Iterable, Mapping
from typing import Any

from streamapp.records import STAGES
from tables.buckets import BUCKET_S, ENSEMBLE, KEEP_BUCKET_S, Bucket, bucket_key, bucket_start
from tables.sketch import Sketch
from tables.totals import Total

__all__ = [
    "BUCKET_S",
    "ENSEMBLE",
    "KEEP_BUCKET_S",
    "Bucket",
    "Total",
    "bucket_key",
    "bucket_start",
    "ensemble_summary",
    "summary",
]

Totals = Mapping[str, Mapping[str, int]]


def summary(buckets: Iterable[Bucket], totals: Totals, window_s: float, now: float) -> list[dict[str, Any]]:
    """Figures per model over the last `window_s` seconds, sorted by name.

    Args:
        buckets: of any model, partition and time; those outside the window are left out.
        totals: `{"<model>:<partition>": {"predictions": n, …}}`, as on `stats-partials`.
        window_s: length of the window in seconds.
        now: seconds since 1970.

    The window begins with the bucket in which `now - window_s` falls, so it is up to ten seconds longer than asked,
    and `throughput_imgs_per_sec` divides by its true length. `capacity_imgs_per_sec` is its limit, 1000 ÷ the mean
    inference time. Figures of nothing are null: `accuracy` where nothing was labelled or the weights are untrained.
    """
    merged = _merged(buckets, window_s, now)
    sums = _total_predictions(totals)
    length_s = now - bucket_start(now - window_s)
    names = (set(merged) | set(sums)) - {ENSEMBLE}
    return [_figures(merged.get(name, Bucket(name, 0, 0)), sums.get(name, 0), length_s) for name in sorted(names)]


def ensemble_summary(buckets: Iterable[Bucket], window_s: float, now: float) -> dict[str, Any]:
    """Accuracy of the ensembles of closed races over the window, and how many of those images were labelled."""
    whole = _merged((bucket for bucket in buckets if bucket.model == ENSEMBLE), window_s, now).get(ENSEMBLE)
    if whole is None or not whole.labelled:
        return {"accuracy": None, "labelled": 0}
    return {"accuracy": whole.correct / whole.labelled, "labelled": whole.labelled}


def _merged(buckets: Iterable[Bucket], window_s: float, now: float) -> dict[str, Bucket]:
    """One bucket per model with everything in the window."""
    first, merged = bucket_start(now - window_s), dict[str, Bucket]()
    for bucket in buckets:
        if bucket.start >= first:
            merged.setdefault(bucket.model, Bucket(bucket.model, 0, first)).merge(bucket)
    return merged


def _total_predictions(totals: Totals) -> dict[str, int]:
    sums: dict[str, int] = {}
    for key, figures in totals.items():
        model = key.rpartition(":")[0]
        sums[model] = sums.get(model, 0) + figures["predictions"]
    return sums


def _figures(whole: Bucket, total_predictions: int, length_s: float) -> dict[str, Any]:
    count = whole.predictions
    inference_ms = whole.stages.get("inference_ms", Sketch()).mean
    return {
        "model_name": whole.model,
        "avg_latency_ms": inference_ms,
        "avg_confidence": whole.confidence / count if count else None,
        "accuracy": whole.correct / whole.labelled if whole.labelled else None,
        "throughput_imgs_per_sec": count / length_s,
        "capacity_imgs_per_sec": 1000 / inference_ms if inference_ms else None,
        "total_predictions": total_predictions,
        "count": count,
        "errors": whole.errors,
        "shed": whole.shed,
        "labelled": whole.labelled,
        "correct": whole.correct,
        "trained": whole.trained,
        "stages": {stage.removesuffix("_ms"): _stage(whole.stages.get(stage, Sketch())) for stage in STAGES},
    }


def _stage(sketch: Sketch) -> dict[str, float | None]:
    """Milliseconds; the quantiles within 1 %, the mean exact."""
    quantiles = {f"p{round(q * 100)}": sketch.quantile(q) for q in (0.5, 0.95, 0.99)}
    return {**quantiles, "mean": sketch.mean}
