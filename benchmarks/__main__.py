"""`python -m benchmarks`: lists the measurements and runs them."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import dashboard, fairness, idle, latency, models, readers, report, soak, swap, uploads
from benchmarks.target import target

cli = typer.Typer(
    help="Measure the running platform, or one started for the measurement in a temporary folder.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
cli.command("idle")(idle.main)
cli.command("latency")(latency.main)
cli.command("soak")(soak.main)
cli.command("swap")(swap.main)
cli.command("models")(models.main)
cli.command("fairness")(fairness.main)
cli.command("uploads")(uploads.main)
cli.command("readers")(readers.main)
cli.command("dashboard")(dashboard.main)


@cli.command("all")
def run_all(
    data: Annotated[Path | None, typer.Option(help="Zip or folder <split>/<class>/<file>; else photographs.")] = None,
    output: Annotated[Path, typer.Option(help="Folder for the JSON files.")] = report.RESULTS,
) -> None:
    """idle, latency and soak for a minute or so each, on one platform; fails when one misses its goal."""
    good = []
    with target(None) as place:
        waiting = idle.measure(place, 60)
        good.append(idle.show(waiting))
        report.write(output / "idle.json", "idle", {"seconds": 60}, waiting)
        single = asyncio.run(latency.measure(place, 100, data))
        good.append(latency.show(single))
        report.write(output / "latency.json", "latency", {"images": 100}, single)
        steady = asyncio.run(soak.measure(place, 1, 20, data))
        good.append(soak.show(steady))
        report.write(output / "soak.json", "soak", {"minutes": 1, "rate": 20}, steady)
    raise typer.Exit(0 if all(good) else 1)


if __name__ == "__main__":
    report.command(cli)
