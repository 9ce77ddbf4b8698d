"""The rolling figures of all models, gathered from every partition of `stats-partials`."""

from collections.abc import Callable
from typing import Any

import orjson

from tables.aggregates import KEEP_BUCKET_S, Bucket, ensemble_summary, summary


class Figures:
    """Buckets and totals of every partition. Closed buckets are merged over the partitions once, not each time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[tuple[int, str], dict[int, Bucket]] = {}
        self._merged: dict[tuple[int, str], Bucket] = {}
        self._totals: dict[str, dict[str, int]] = {}

    def apply(self, key: str, value: bytes | None) -> None:
        """Take in `bucket|<model>:<partition>:<start>` or `total|<model>:<partition>`; None removes it."""
        kind, _, name = key.partition("|")
        if kind == "bucket":
            model, partition, start = name.rsplit(":", 2)
            self._put((int(start), model), int(partition), value)
        elif kind == "total" and value is not None:
            self._totals[name] = orjson.loads(value)
        elif kind == "total":
            self._totals.pop(name, None)
        else:
            raise ValueError("neither a bucket nor a total")

    def _put(self, place: tuple[int, str], partition: int, value: bytes | None) -> None:
        oldest = self._clock() - KEEP_BUCKET_S
        if value is None or place[0] < oldest:
            self._buckets.get(place, {}).pop(partition, None)
        else:
            self._buckets.setdefault(place, {})[partition] = Bucket.from_json(value)
        self._merged.pop(place, None)
        self._drop_before(oldest)

    def _drop_before(self, oldest: float) -> None:
        for place in [place for place, buckets in self._buckets.items() if place[0] < oldest or not buckets]:
            del self._buckets[place]
            self._merged.pop(place, None)

    def summary(self, window_s: float, models: list[str]) -> list[dict[str, Any]]:
        """Figures per model, also of those in `models` that nothing is known of."""
        silent = {f"{model}:0": {"predictions": 0, "errors": 0} for model in models}
        return summary(self._whole(), {**silent, **self._totals}, window_s, self._clock())

    def ensemble(self, window_s: float) -> dict[str, Any]:
        """Accuracy of the ensembles."""
        return ensemble_summary(self._whole(), window_s, self._clock())

    def _whole(self) -> list[Bucket]:
        """One bucket per model and start, over all partitions."""
        for (start, model), parts in self._buckets.items():
            if (start, model) not in self._merged:
                whole = self._merged[start, model] = Bucket(model, 0, start)
                for bucket in parts.values():
                    whole.merge(bucket)
        return list(self._merged.values())
