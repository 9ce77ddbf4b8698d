"""`streamapp ledger`: does everything add up?"""

import asyncio
import json
import time
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from streamapp.commands.ask import ApiUrl, AsJson, ask
from streamapp.errors import ApiError
from streamapp.ingest.target import api_url as resolved

POLL_S = 0.5

Answer = dict[str, Any]


def ledger(
    wait: Annotated[float, typer.Option(help="Seconds to wait until nothing is in flight.", min=0)] = 0.0,
    missing: Annotated[int, typer.Option(help="Missing images that are named for each model.", min=0, max=1000)] = 20,
    api_url: ApiUrl = "",
    as_json: AsJson = False,
) -> None:
    """For each model: accepted = predicted + dead + shed + in flight, from the stores and beside the stream.

    Exits with 1 if it does not add up once nothing moves any more, or if something still moves after --wait.
    """
    answer = asyncio.run(read(f"{resolved(api_url)}/api/v1/ledger?missing={missing}", wait))
    if as_json:
        typer.echo(json.dumps(answer))
    else:
        show(answer, Console())
    if answer["adds_up"] is False or (wait and not answer["idle"]):
        raise typer.Exit(1)


async def read(url: str, wait_s: float) -> Answer:
    """The ledger, asked for until nothing moves; an API that is away meanwhile is asked again."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            answer = await ask("GET", url)
            if answer["idle"] or time.monotonic() > deadline:
                return answer
        except ApiError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(POLL_S)


def show(answer: Answer, console: Console) -> None:
    """Print the ledger: a table, a sentence, and what is missing."""
    table = Table(title=f"Ledger, {answer['accepted']:,} images accepted", title_justify="left", box=SIMPLE)
    table.add_column("model", no_wrap=True)
    for column in ("accepted", "predicted", "dead", "shed", "in flight", "lag", "live", ""):
        table.add_column(column, justify="right")
    for account in answer["models"]:
        table.add_row(*_row(account), style=_colour(account["adds_up"]))
    console.print(table)
    for run, models in answer["replays"].items():
        console.print(f"replay {run}: {_replayed(models)}", style="dim", markup=False, highlight=False)
    console.print(sentence(answer), style=_colour(answer["adds_up"]), markup=False, highlight=False, soft_wrap=True)
    for line in _missing(answer):
        console.print(line, style="red", markup=False, highlight=False, soft_wrap=True)


def sentence(answer: Answer) -> str:
    """The ledger in one sentence."""
    if answer["adds_up"] is None:
        moving = [f"{group.removeprefix('streamapp-')} lags {lag:,}" for group, lag in answer["lags"].items() if lag]
        moving += [f"{_count(answer['pending'], 'image')} on the way to the broker"] if answer["pending"] else []
        return f"not idle yet: {', '.join(moving) or 'images are coming in'}"
    letters = _count(answer["open_letters"], "open dead letter")
    if answer["unreadable"]:
        letters += f", {_count(answer['unreadable'], 'message')} outside the ledger that nobody could read"
    return f"{'it adds up' if answer['adds_up'] else 'it does NOT add up'}; {letters}"


def _row(account: Answer) -> list[str]:
    counts = [f"{account[kind]:,}" for kind in ("accepted", "predicted", "dead", "shed", "in_flight")]
    live = "same" if account["live"]["agrees"] else "[yellow]" + _figures(account["live"]) + "[/]"
    verdict = {True: "✓", False: "✗", None: "…"}[account["adds_up"]]
    return [account["model"], *counts, f"{account['stream']['lag']:,}", live, verdict]


def _figures(live: Answer) -> str:
    return f"{live['predictions']:,} predicted, {live['errors']:,} dead, {live['shed']:,} shed"


def _colour(adds_up: bool | None) -> str:
    return {True: "green", False: "red", None: "yellow"}[adds_up]


def _replayed(models: Answer) -> str:
    return "; ".join(
        f"{model} " + ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
        for model, outcomes in sorted(models.items())
    )


def _missing(answer: Answer) -> list[str]:
    """What is wrong, a line each, with the images by name as far as they are known."""
    if answer["adds_up"] is not False:
        return []
    lines = []
    for account in answer["models"]:
        if account["in_flight"]:
            lines.append(f"{account['model']} has no outcome for {_named(account['in_flight'], account['missing'])}")
        if account["strangers"]:
            images = _count(account["strangers"], "image")
            lines.append(f"{account['model']} has outcomes for {images} that nobody has stored")
    if answer["unrecorded"]:
        lines.append(f"published and never recorded: {_named(answer['unrecorded'], answer['lost'])}")
    return lines


def _named(count: int, names: list[str]) -> str:
    more = f" and {count - len(names):,} more" if names and count > len(names) else ""
    return _count(count, "image") + (f": {', '.join(names)}{more}" if names else "")


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}" if count else f"no {what}s"
