"""`python -m benchmarks`: lists the measurements and runs them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

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


#: What `all` takes, so that it ends within ten minutes; each command alone takes longer, and says more.
SHORT: dict[str, dict[str, Any]] = {
    "idle": {"seconds": 60},
    "latency": {"images": 100},
    "soak": {"minutes": 1, "rate": 20},
    "readers": {"images": 300, "rounds": 3, "readers": 200},
    "uploads": {"images": 200, "seconds": 15},
}


@cli.command("all")
def run_all(
    data: Annotated[Path | None, typer.Option(help="Zip or folder <split>/<class>/<file>; else photographs.")] = None,
    output: Annotated[Path, typer.Option(help="Folder for the JSON files.")] = report.RESULTS,
) -> None:
    """idle, latency, soak, readers and uploads for a minute or two each; fails when one misses its goal."""

    def shown(name: str, show: Callable[[dict[str, Any]], bool], result: dict[str, Any]) -> bool:
        report.write(output / f"{name}.json", name, SHORT[name], result)
        return show(result)

    good = []
    with target(None) as place:
        good.append(shown("idle", idle.show, idle.measure(place, **SHORT["idle"])))
        good.append(shown("latency", latency.show, asyncio.run(latency.measure(place, **SHORT["latency"], data=data))))
        good.append(shown("soak", soak.show, asyncio.run(soak.measure(place, **SHORT["soak"], data=data))))
    with target(None, "--no-dashboard") as place:
        good.append(shown("readers", readers.show, asyncio.run(readers.measure(place, **SHORT["readers"], data=data))))
    with target(None, "--no-dashboard", settings=uploads.ROLES) as place:
        good.append(shown("uploads", uploads.show, asyncio.run(uploads.measure(place, **SHORT["uploads"]))))
    raise typer.Exit(0 if all(good) else 1)


if __name__ == "__main__":
    report.command(cli)
