"""The last minute as it comes: answers of the newest verdicts in short buckets, in the form of the API's history."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from math import inf
from statistics import fmean
from typing import Any

from dash_ui.past import WINDOWS, begin

WINDOW = WINDOWS["1m"]
#: Verdicts are kept for this time; their answers may be older than they are.
KEPT_S = 90.0

Json = Mapping[str, Any]


class Minute:
    """Verdicts as they came, from the moment on from which none was missed."""

    def __init__(self) -> None:
        self.since = inf
        self._verdicts: OrderedDict[str, tuple[float, Json]] = OrderedDict()
        self._made: tuple[tuple[int, datetime], list[dict[str, Any]]] | None = None
        self._taken = 0

    def begin(self, now: float) -> None:
        """We listen from now on (seconds since 1970); what is counted here begins with the next bucket."""
        self.since = -(-now // WINDOW.bucket_s) * WINDOW.bucket_s
        self._verdicts.clear()
        self._taken += 1

    def take(self, verdict: Json, now: float) -> None:
        """A verdict has come, or an amendment of one, which takes its place."""
        came, _ = self._verdicts.get(str(verdict["image_id"]), (now, None))
        self._verdicts[str(verdict["image_id"])] = (came, verdict)
        self._taken += 1
        while self._verdicts and next(iter(self._verdicts.values()))[0] < now - KEPT_S:
            self._verdicts.popitem(last=False)

    def whole(self, now: datetime) -> bool:
        """Whether all of the minute was heard here, so that the API need not be asked."""
        return self.since <= begin(WINDOW, now).timestamp()

    def history(self, older: Json | None, now: datetime) -> dict[str, Any]:
        """The last minute as the API would tell it; from `older`, its history, what came before."""
        first = begin(WINDOW, now)
        known = [] if older is None or self.whole(now) else older["buckets"]
        before = [each for each in known if datetime.fromisoformat(each["start"]).timestamp() < self.since]
        buckets = [*before, *self._buckets(first)]
        # A verdict waits for its last model, so what came after the newest answer is not known, and not nothing.
        newest = datetime.fromisoformat(buckets[-1]["start"]) + timedelta(seconds=WINDOW.bucket_s) if buckets else first
        return {"from": first.isoformat(), "to": min(newest, now).isoformat(), "buckets": buckets}

    def _buckets(self, first: datetime) -> list[dict[str, Any]]:
        """What was heard; made once for all charts and pages that show it."""
        key = (self._taken, first)
        if self._made is None or self._made[0] != key:
            self._made = (key, self._make(max(first.timestamp(), self.since)))
        return self._made[1]

    def _make(self, earliest: float) -> list[dict[str, Any]]:
        found: dict[tuple[float, str], list[tuple[Json, Any]]] = {}
        for _, verdict in self._verdicts.values():
            for answer in verdict.get("predictions") or ():
                made = datetime.fromisoformat(str(answer["timestamp"])).timestamp()
                if made >= earliest:
                    place = (made // WINDOW.bucket_s * WINDOW.bucket_s, str(answer["model"]))
                    found.setdefault(place, []).append((answer, verdict.get("label")))
        return [_bucket(start, model, answers) for (start, model), answers in sorted(found.items(), key=_place)]


def _place(item: tuple[tuple[float, str], Any]) -> tuple[float, str]:
    return item[0]


def _bucket(start: float, model: str, answers: list[tuple[Json, Any]]) -> dict[str, Any]:
    """The same figures as `history.sql` of the API makes of the same answers."""
    labelled = [answer["prediction"] == label for answer, label in answers if label and answer.get("trained", True)]
    alone = [float(answer["inference_ms"]) for answer, _ in answers if answer.get("lane") != "bypassed"]
    totals = [float(answer["total_ms"]) for answer, _ in answers]
    return {
        "start": datetime.fromtimestamp(start, UTC).isoformat(),
        "model": model,
        "predictions": len(answers),
        "labelled": len(labelled),
        "correct": sum(labelled),
        "avg_confidence": fmean(float(answer["confidence"]) for answer, _ in answers),
        "avg_latency_ms": fmean(alone) if alone else None,
        "total_p50_ms": quantile(totals, 0.5),
        "total_p95_ms": quantile(totals, 0.95),
    }


def quantile(values: Iterable[float], share: float) -> float:
    """The value that this share of the values does not exceed, where need be between two (`percentile_cont`)."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
