"""`streamapp replay`: what would a model have said, and does it say the same again?"""

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from streamapp.commands.target import platform_settings

if TYPE_CHECKING:  # they import half of the platform, which the other commands need not wait for
    from streamapp.replay.plan import Request
    from streamapp.replay.run import Replayed
    from streamapp.storage.runs import Comparison, Run

STOPPED = 130

app = typer.Typer(
    help="Send a part of history through models again, beside the live stream and without touching its figures.",
    invoke_without_command=True,
)
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.callback()
def replay(
    context: typer.Context,
    first: Annotated[
        str, typer.Option("--from", help="A time, an age such as 2h, or an image: its id, or PARTITION:OFFSET.")
    ] = "",
    last: Annotated[str, typer.Option("--to", help="The same of the last image; now if left out.")] = "",
    model: Annotated[list[str] | None, typer.Option(help="Only this model; may be given more than once.")] = None,
    source: Annotated[str, typer.Option(help="Only images from this source, such as cifar10.")] = "",
    run_id: Annotated[str, typer.Option(help="Name of the run; with that of a stopped one it goes on.")] = "",
    weights: Annotated[str, typer.Option(help="Weights of the model, in place of its own: a URI.")] = "",
    rate: Annotated[float, typer.Option(help="Images per second at most; 0: as fast as it goes.", min=0)] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Replay, and compare with the live answers. What is done is stored, so a run that was stopped can go on."""
    if context.invoked_subcommand is not None:
        return
    from streamapp.replay.plan import Request

    request = Request(first, last, tuple(model or ()), source, run_id, weights)
    said: list[Run] = []
    try:
        result = asyncio.run(_replay(request, rate, said.append))
    except KeyboardInterrupt:
        for run in said:
            _errors().print(f"stopped; `streamapp replay --run-id {run.run_id}` goes on", highlight=False)
        raise typer.Exit(STOPPED) from None
    if as_json:
        models = {model: comparison.model_dump() for model, comparison in result.models.items()}
        typer.echo(json.dumps({"run_id": result.run.run_id, "images": result.run.images, "models": models}))
    else:
        Console().print(comparison_table(result))


@app.command("list")
def list_runs(
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1)] = 20, as_json: AsJson = False
) -> None:
    """The newest replays, and what is stored of them."""
    from streamapp.replay.run import Replay

    async def runs() -> "list[Run]":
        async with Replay.connect(platform_settings()) as replay:
            return await replay.runs(limit)

    found = asyncio.run(runs())
    if as_json:
        typer.echo(json.dumps([run.model_dump(mode="json") for run in found]))
    else:
        Console().print(_runs_table(found) if found else "no replays yet")


async def _replay(request: "Request", rate: float, planned: "Callable[[Run], None]") -> "Replayed":
    from streamapp.replay.run import Replay

    async with Replay.connect(platform_settings()) as replay:
        run = await replay.plan(request)
        planned(run)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn())
        with Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=_errors()) as progress:
            progress.console.print(f"run {run.run_id}: {run.images:,} images", highlight=False)

            def begin(model: str, left: int) -> Callable[[], None]:
                task = progress.add_task(model, total=run.images, completed=run.images - left)
                return lambda: progress.advance(task)

            return await replay.do(run, rate, begin)


def comparison_table(result: "Replayed") -> Table:
    """Each model's answers in the run beside its live ones, with the counts behind every share."""
    table = Table(title=f"Run {result.run.run_id}, {result.run.images:,} images", title_justify="left")
    table.add_column("model")
    for column in ("predicted", "dead", "same class as live", "accuracy", "accuracy live"):
        table.add_column(column, justify="right")
    for model, found in result.models.items():
        table.add_row(model, f"{found.predicted:,}", f"{found.dead:,}", *_shares(found))
    return table


def _shares(found: "Comparison") -> list[str]:
    pairs = (
        (found.agreed, found.compared),
        (found.correct, found.labelled),
        (found.live_correct, found.live_labelled),
    )
    return [f"{part / whole:.1%} ({part:,} of {whole:,})" if whole else "–" for part, whole in pairs]


def _runs_table(runs: "list[Run]") -> Table:
    table = Table("run", "models", "from", "to", "images", "predicted", "dead", "finished")
    for run in runs:
        table.add_row(
            run.run_id,
            ", ".join(run.models),
            f"{run.first_at:%Y-%m-%d %H:%M:%S}",
            f"{run.last_at:%Y-%m-%d %H:%M:%S}",
            f"{run.images:,}",
            f"{run.predicted:,}",
            f"{run.dead:,}",
            f"{run.finished_at:%Y-%m-%d %H:%M:%S}" if run.finished_at else "no",
        )
    return table


def _errors() -> Console:
    return Console(stderr=True)
