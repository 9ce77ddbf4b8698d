"""Samples of a platform over time: what it uses, how far it lags, how fast its memory grows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import report
from benchmarks.usage import NOTHING, Usage

#: Memory still grows in the first part of a run: caches and windows fill.
WARM_UP_S = 60.0


@dataclass(frozen=True)
class Sample:
    """The platform at one moment: lag by group, use by process."""

    second: float
    acknowledged: int
    lags: dict[str, int]
    processes: dict[str, Usage]

    @property
    def total(self) -> Usage:
        """All processes together."""
        return sum(self.processes.values(), NOTHING)


def growth(samples: Sequence[Sample]) -> dict[str, float]:
    """Slope of each process's memory (PSS, MiB per minute; least squares) after the warm-up, largest first."""
    late = [sample for sample in samples if sample.second > WARM_UP_S]
    if len(late) < 3:
        return {}
    minutes = [sample.second / 60 for sample in late]
    slopes = {
        name: float(np.polyfit(minutes, [sample.processes[name].pss_mib for sample in late], 1)[0])
        for name in late[0].processes
        if all(name in sample.processes for sample in late)
    }
    return {"total": sum(slopes.values())} | dict(sorted(slopes.items(), key=lambda item: -abs(item[1])))


def show(samples: Sequence[Sample], growth: Mapping[str, float]) -> None:
    """Print the samples over time, and the last one by process."""
    columns = ("second", "acknowledged", "largest lag", "RSS MiB", "PSS MiB", "CPU % of a core")
    report.table("Over time", columns, map(_row, samples))
    if samples:
        last = {**dict(sorted(samples[-1].processes.items())), "total": samples[-1].total}
        rows = [(name, used.rss_mib, used.pss_mib, growth.get(name, "–")) for name, used in last.items()]
        report.table("At the end, by process", ("process", "RSS MiB", "PSS MiB", "growth MiB/min"), rows)


def _row(sample: Sample) -> tuple[object, ...]:
    used = sample.total
    group, lag = max(sample.lags.items(), key=lambda item: item[1])
    most = f"{lag} {group.removeprefix('streamapp-')}" if lag else "0"
    return (round(sample.second), sample.acknowledged, most, used.rss_mib, used.pss_mib, used.cpu_percent)
