"""The past as charts need it: buckets of the API's history, a series per model, and what windows there are."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import sqrt
from typing import Any

from dash_ui.asks import Answer, Ask
from dash_ui.client import API


@dataclass(frozen=True)
class Window:
    """A stretch of time in buckets; `bucket` is what the API calls their length."""

    bucket: str
    bucket_s: int
    count: int


#: By their names in URLs. The last minute is counted by `minute`, too, as it comes.
WINDOWS = {
    "1m": Window("5s", 5, 12),
    "10m": Window("10s", 10, 60),
    "1h": Window("1m", 60, 60),
    "6h": Window("5m", 300, 72),
    "24h": Window("15m", 900, 96),
}
#: What is shown first.
USUAL = "10m"
Z95 = 1.959964
#: What an exported table has of each bucket.
COLUMNS = (
    *("start", "model", "predictions", "errors", "shed", "labelled", "correct"),
    *("avg_confidence", "avg_latency_ms", "total_p50_ms", "total_p95_ms", "accuracy"),
)


@dataclass(frozen=True)
class Moment:
    """One point of a series: how many buckets ago, its value, and the band around it."""

    ago: int
    value: float
    low: float | None = None
    high: float | None = None


#: Model → its points, oldest first.
Series = dict[str, list[Moment]]


def ask(name: str, now: datetime | None = None) -> Ask:
    """The history of a window. Where it begins moves on with the buckets, so the same ask serves for a while."""
    window = WINDOWS[name]
    params = {"bucket": window.bucket, "from": begin(window, now or datetime.now(UTC)).isoformat()}
    return Ask(f"{API}/stats/history", tuple(sorted(params.items())), every_s=max(5, window.bucket_s / 6))


class Histories:
    """The last history of each window that came: what is shown until the next one comes, and while the API is away."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, Any]] = {}

    def newest(self, known: Callable[[Ask], Answer | None], name: str, now: datetime | None = None) -> Answer | None:
        """The answer for a window, or the last one as far as it reaches into it, beside the error that there is."""
        moment, window = now or datetime.now(UTC), WINDOWS[name]
        first, step = begin(window, moment), timedelta(seconds=window.bucket_s)
        heard = [answer for ago in (0, 1) if (answer := known(ask(name, moment - ago * step))) is not None]
        data = next((answer.data for answer in heard if answer.data is not None), self._last.get(name))
        if data is None or datetime.fromisoformat(data["from"]) <= first - window.count * step:
            return heard[0] if heard else None
        self._last[name] = data
        return Answer(data | {"from": first.isoformat()}, heard[0].error if heard else None)


def begin(window: Window, now: datetime) -> datetime:
    """When the first bucket of a window begins."""
    last = int(now.timestamp()) // window.bucket_s
    return datetime.fromtimestamp((last - window.count + 1) * window.bucket_s, UTC)


def series(history: dict[str, Any], window: Window, point: Callable[[dict[str, Any], int], Moment | None]) -> Series:
    """A series for each model; buckets without a value are left out."""
    first = datetime.fromisoformat(history["from"])
    found: Series = {}
    for bucket in history["buckets"]:
        place = (datetime.fromisoformat(bucket["start"]) - first) // timedelta(seconds=window.bucket_s)
        moment = point(bucket, window.count - 1 - place)
        if moment is not None and 0 <= moment.ago < window.count:
            found.setdefault(str(bucket["model"]), []).append(moment)
    return dict(sorted(found.items()))


def latency(bucket: dict[str, Any], ago: int) -> Moment | None:
    """The median time from arrival to answer, with a band up to p95."""
    p50, p95 = bucket["total_p50_ms"], bucket["total_p95_ms"]
    return None if p50 is None else Moment(ago, p50, p50, p95)


def inference(bucket: dict[str, Any], ago: int) -> Moment | None:
    """The mean time of the model's own work."""
    value = bucket["avg_latency_ms"]
    return None if value is None else Moment(ago, value)


def confidence(bucket: dict[str, Any], ago: int) -> Moment | None:
    """The mean confidence."""
    value = bucket["avg_confidence"]
    return None if value is None else Moment(ago, value)


def accuracy(bucket: dict[str, Any], ago: int) -> Moment | None:
    """The share of right answers with its 95 % interval."""
    if not bucket["labelled"]:
        return None
    low, high = wilson(bucket["correct"], bucket["labelled"])
    return Moment(ago, bucket["correct"] / bucket["labelled"], low, high)


def throughput(history: dict[str, Any], window: Window) -> Series:
    """Images per second, from each model's first bucket to the last one that was over when the history was made.

    The history leaves out buckets in which nothing happened: there it is 0, and no gap.
    """
    step = timedelta(seconds=window.bucket_s)
    over = (datetime.fromisoformat(history["to"]) - datetime.fromisoformat(history["from"])) // step
    made = series(history, window, lambda bucket, ago: Moment(ago, bucket["predictions"] / window.bucket_s))
    found: Series = {}
    for model, moments in made.items():
        known = {one.ago: one for one in moments}
        whole = range(moments[0].ago, window.count - over - 1, -1)
        if whole:
            found[model] = [known.get(ago, Moment(ago, 0.0)) for ago in whole]
    return found


def wilson(right: int, all_: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953)."""
    share, z2 = right / all_, Z95 * Z95
    middle = (share + z2 / (2 * all_)) / (1 + z2 / all_)
    half = Z95 * sqrt(share * (1 - share) / all_ + z2 / (4 * all_ * all_)) / (1 + z2 / all_)
    return max(0.0, middle - half), min(1.0, middle + half)


def csv(history: dict[str, Any]) -> Iterable[str]:
    """The history as lines of CSV, a bucket of a model on each."""
    yield ",".join(COLUMNS) + "\r\n"
    for bucket in history["buckets"]:
        yield ",".join(cell(bucket.get(name)) for name in COLUMNS) + "\r\n"


def cell(value: Any) -> str:
    """A value as CSV (RFC 4180); one that a spreadsheet would take for a formula becomes text."""
    text = "" if value is None else str(value)
    if text[:1] in ("=", "+", "@", "\t"):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text
