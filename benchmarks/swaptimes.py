"""The figures of a swap: latency before, during and after, and whether every image has one answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from benchmarks import report
from streamapp.records import Prediction

#: Images that were in flight at the switch are answered a moment after it.
AFTERGLOW = timedelta(seconds=1)
TIMES = ("total_ms", "inference_ms")
SHARES = {"p50": 0.5, "p95": 0.95, "max": 1.0}


@dataclass(frozen=True)
class Swap:
    """One swap, from the request to the worker's word that it is done.

    `seconds` is what the worker itself took, `converted` whether the weights had to be converted, `pss_mib` the memory
    of the worker afterwards.
    """

    began: datetime
    ended: datetime
    outcome: str
    seconds: float
    converted: bool
    pss_mib: float


def phases(predictions: Sequence[Prediction], swaps: Sequence[Swap]) -> dict[str, dict[str, Any]]:
    """Quantiles of total and inference time, in ms, of the answers made before the first swap, during swaps, after.

    During a swap is told apart by whether the weights had to be converted, or only loaded.
    """
    parts: dict[str, list[Prediction]] = {}
    for each in predictions:
        parts.setdefault(_phase(each.timestamp, swaps), []).append(each)
    order = ("before", "converting", "loading", "after")
    return {name: {"images": len(parts[name]), **_quantiles(parts[name])} for name in order if name in parts}


def _phase(moment: datetime, swaps: Sequence[Swap]) -> str:
    for swap in swaps:
        if swap.began <= moment <= swap.ended + AFTERGLOW:
            return "converting" if swap.converted else "loading"
    return "before" if moment < swaps[0].began else "after"


def _quantiles(part: Sequence[Prediction]) -> dict[str, dict[str, float]]:
    columns = {kind: [getattr(each, kind) for each in part] for kind in TIMES}
    return {
        kind: {name: report.quantile(values, share) for name, share in SHARES.items()}
        for kind, values in columns.items()
    }


def show(result: dict[str, Any]) -> bool:
    """Print a result; whether every swap is one change of the version, and every image has one answer of each model."""
    swaps: list[Swap] = result["swaps"]
    rows = [(number, swap.outcome, swap.converted, swap.seconds, swap.pss_mib) for number, swap in enumerate(swaps, 1)]
    report.table("Swaps", ("", "outcome", "converted", "request to switch, s", "worker's PSS, MiB"), rows)
    for model, parts in result["latency"].items():
        _show_latency(model, parts)
    return _show_ledger(result) and all(swap.outcome == "swapped" for swap in swaps)


def _show_latency(model: str, parts: dict[str, dict[str, Any]]) -> None:
    rows = [
        (f"{name}, {kind.removesuffix('_ms')}", part["images"], *part[kind].values())
        for kind in TIMES
        for name, part in parts.items()
    ]
    report.table(f"Latency of {model}, ms", ("", "images", *SHARES), rows)


def _show_ledger(result: dict[str, Any]) -> bool:
    counted, versions, answers = result["ledger"], result["versions"], result["answers"]
    rows = [
        ("images acknowledged", counted.acknowledged),
        *((f"outcomes of {each['model']}", each["accepted"] - each["in_flight"]) for each in counted.books["models"]),
        *((f"answers of {model} on the topic", count) for model, count in answers.items()),
        ("versions, in the order of the answers", len(versions)),
        *counted.faults.items(),
    ]
    report.table("Ledger", ("", "count"), rows)
    once = all(count == counted.acknowledged for count in answers.values())
    return bool(counted.exact and once and len(versions) == len(result["swaps"]) + 1)
