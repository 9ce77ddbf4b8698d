"""The rolling figures of all models, gathered from every partition of `stats-partials`."""

from collections.abc import Callable
from typing import Any

import orjson

from tables.aggregates import KEEP_BUCKET_S, Bucket, bucket_start, ensemble_summary, summary


class Figures:
    """Buckets and totals of every partition. Closed buckets are merged over the partitions once, not each time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[tuple[int, str], dict[int, Bucket]] = {}
        self._merged: dict[tuple[int, str], Bucket] = {}
        self._totals: dict[str, dict[str, int]] = {}
        self._dropped_before = 0

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
        oldest = bucket_start(self._clock() - KEEP_BUCKET_S)
        if value is None or place[0] < oldest:
            self._buckets.get(place, {}).pop(partition, None)
        else:
            self._buckets.setdefault(place, {})[partition] = Bucket.from_json(value)
        self._merged.pop(place, None)
        if oldest > self._dropped_before:
            self._drop_before(oldest)

    def _drop_before(self, oldest: int) -> None:
        self._dropped_before = oldest
        for place in [place for place, parts in self._buckets.items() if place[0] < oldest or not parts]:
            del self._buckets[place]
            self._merged.pop(place, None)

    def totals(self) -> dict[str, dict[str, int]]:
        """What each model has done since the beginning, over all partitions."""
        sums: dict[str, dict[str, int]] = {}
        for name, figures in self._totals.items():
            total = sums.setdefault(name.rpartition(":")[0], {})
            for kind, count in figures.items():
                total[kind] = total.get(kind, 0) + count
        return sums

    def summary(self, window_s: float, models: list[str]) -> list[dict[str, Any]]:
        """Figures per model, also of those in `models` that nothing is known of."""
        silent = {f"{model}:0": {"predictions": 0, "errors": 0} for model in models}
        return summary(self._whole(window_s), {**silent, **self._totals}, window_s, self._clock())

    def ensemble(self, window_s: float) -> dict[str, Any]:
        """Accuracy of the ensembles."""
        return ensemble_summary(self._whole(window_s), window_s, self._clock())

    def _whole(self, window_s: float) -> list[Bucket]:
        """One bucket per model and start of the window, over all partitions."""
        first = bucket_start(self._clock() - window_s)
        return [self._whole_bucket(place) for place in self._buckets if place[0] >= first]

    def _whole_bucket(self, place: tuple[int, str]) -> Bucket:
        whole = self._merged.get(place)
        if whole is None:
            whole = self._merged[place] = Bucket(place[1], 0, place[0])
            for bucket in self._buckets[place].values():
                whole.merge(bucket)
        return whole
