"""What the platform costs while nothing happens: memory, and processor time."""

import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import report
from benchmarks.target import Target, target
from benchmarks.usage import NOTHING, Meter

SETTLE_S = 15.0
#: The goals of docs/architecture.md.
MOST_MIB = 1536
MOST_CPU_PERCENT = 20


def measure(place: Target, seconds: float) -> dict[str, Any]:
    """Watch an idle platform for `seconds`."""
    time.sleep(SETTLE_S)
    meter = Meter(place.processes())
    time.sleep(seconds)
    processes = meter.sample(place.processes())
    return {"processes": processes, "total": sum(processes.values(), NOTHING)}


def show(result: dict[str, Any]) -> bool:
    """Print a result; whether it is within the goals."""
    rows = [(name, used.rss_mib, used.pss_mib, used.cpu_percent) for name, used in result["processes"].items()]
    total = result["total"]
    rows += [("total", total.rss_mib, total.pss_mib, total.cpu_percent), ("goal", MOST_MIB, "", MOST_CPU_PERCENT)]
    report.table("Idle", ("process", "RSS MiB", "PSS MiB", "CPU % of a core"), rows)
    return bool(total.rss_mib <= MOST_MIB and total.cpu_percent <= MOST_CPU_PERCENT)


def main(
    seconds: Annotated[float, typer.Option(help="How long it is watched.")] = 60,
    data_dir: Annotated[Path | None, typer.Option(help="Data folder of a running `streamapp up`.")] = None,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = report.RESULTS / "idle.json",
) -> None:
    """Memory and processor time of an idle platform; fails above 1.5 GiB or 20 % of a core."""
    with target(data_dir) as place:
        result = measure(place, seconds)
    good = show(result)
    report.write(output, "idle", {"seconds": seconds}, result)
    raise typer.Exit(0 if good else 1)


if __name__ == "__main__":
    report.command(partial(typer.run, main))
