"""`streamapp dead-letters`: what could not be done, and what becomes of it."""

import asyncio
import json
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streamapp.commands.ask import ApiUrl, AsJson, ask, plain
from streamapp.commands.times import parse_time
from streamapp.errors import SettingsError
from streamapp.ingest.target import api_url as resolved

#: Letters on one page of the API.
PAGE = 200

app = typer.Typer(help="Dead letters: list them, look at one, send them again, give them up.", no_args_is_help=True)

Model = Annotated[str, typer.Option(help="Only those of this model.")]
Reason = Annotated[str, typer.Option(help="Only those with this reason, such as object-missing.")]
Stage = Annotated[
    str, typer.Option(help="Only those of this stage: decode, fetch, preprocess, inference, publish, record.")
]
Since = Annotated[str, typer.Option(help="Only those written since: a time, or an age such as 15m or 2d.")]
LetterId = Annotated[int | None, typer.Argument(help="One letter, by the number that `list` shows.", min=1)]
All = Annotated[bool, typer.Option("--all", help="Every open letter.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


class Options(NamedTuple):
    """How letters are settled, and what is said of it."""

    dry_run: bool
    api_url: str
    as_json: bool


@app.command("list")
def list_letters(
    model: Model = "",
    reason: Reason = "",
    stage: Stage = "",
    since: Since = "",
    status: Annotated[str, typer.Option(help="open, retried or discarded; all of them if empty.")] = "open",
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1, max=PAGE)] = 50,
    api_url: ApiUrl = "",
    as_json: AsJson = False,
) -> None:
    """The newest dead letters."""
    query = _which(model, reason, stage, since) | {"status": status, "limit": str(limit)}
    url = f"{resolved(api_url)}/api/v1/dead-letters"
    answer = asyncio.run(ask("GET", url, params={name: text for name, text in query.items() if text}))
    if as_json:
        typer.echo(json.dumps(answer))
    else:
        _print_list(answer)


@app.command()
def show(letter_id: Annotated[int, typer.Argument(min=1)], api_url: ApiUrl = "", as_json: AsJson = False) -> None:
    """One dead letter with the original message."""
    answer = asyncio.run(ask("GET", f"{resolved(api_url)}/api/v1/dead-letters/{letter_id}"))
    if as_json:
        typer.echo(json.dumps(answer))
        return
    console = Console()
    for name, value in answer.items():
        if name not in ("value", "text") and value is not None:
            console.print(f"{name:12} {plain(value)}", markup=False, highlight=False, soft_wrap=True)
    console.print(plain(answer["text"] or answer["value"]), markup=False, highlight=False, soft_wrap=True)


@app.command()
def retry(
    letter_id: LetterId = None,
    every: All = False,
    model: Model = "",
    reason: Reason = "",
    stage: Stage = "",
    since: Since = "",
    dry_run: DryRun = False,
    api_url: ApiUrl = "",
    as_json: AsJson = False,
) -> None:
    """Send the original message again, to the model that failed alone: of one letter, or of all open ones that fit.

    Exits with 1 if any of them cannot be sent as it is.
    """
    which = _which(model, reason, stage, since)
    _settle("retry", letter_id, every, which, Options(dry_run, api_url, as_json))


@app.command()
def discard(
    letter_id: LetterId = None,
    every: All = False,
    model: Model = "",
    reason: Reason = "",
    stage: Stage = "",
    since: Since = "",
    dry_run: DryRun = False,
    api_url: ApiUrl = "",
    as_json: AsJson = False,
) -> None:
    """Give letters up: they are listed no more, and their images stay without an answer of that model."""
    which = _which(model, reason, stage, since)
    _settle("discard", letter_id, every, which, Options(dry_run, api_url, as_json))


def _which(model: str, reason: str, stage: str, since: str) -> dict[str, str]:
    texts = {"model": model, "reason": reason, "stage": stage}
    texts["since"] = parse_time(since, "--since").isoformat() if since else ""
    return {name: text for name, text in texts.items() if text}


def _settle(verb: str, letter_id: int | None, every: bool, which: dict[str, str], options: Options) -> None:
    one = letter_id is not None
    if one == (every or bool(which)):
        raise SettingsError(f"{verb}: give either the number of one letter, or options that choose letters, or --all")
    noun = f"{resolved(options.api_url)}/api/v1/dead-letters"
    if one:
        asyncio.run(ask("POST", f"{noun}/{letter_id}/{verb}", json={"dry_run": options.dry_run}))
        answer: dict[str, Any] = {"dry_run": options.dry_run, "settled": [letter_id], "refused": []}
    else:
        answer = asyncio.run(_settle_all(f"{noun}/{verb}", {**which, "dry_run": options.dry_run}))
    if options.as_json:
        typer.echo(json.dumps(answer))
    else:
        _print_settled(answer, verb)
    if answer["refused"]:
        raise typer.Exit(1)


async def _settle_all(url: str, order: dict[str, Any]) -> dict[str, Any]:
    """Page after page, until none is left of those that there were at first."""
    settled: list[int] = []
    refused: list[dict[str, Any]] = []
    where: dict[str, int | None] = {"after": 0}
    while where["after"] is not None:
        page = await ask("POST", url, json={**order, **where})
        settled += page["settled"]
        refused += page["refused"]
        where = {"after": page["next"], "through": page["through"]}
    return {"dry_run": order["dry_run"], "settled": settled, "refused": refused}


def _print_list(answer: dict[str, Any]) -> None:
    table = Table("id", "when", "model or group", "stage", "reason", "tries", "status", "now", "image")
    for letter in answer["dead_letters"]:
        when, who = letter["timestamp"][:19].replace("T", " "), letter["model"] or letter["group"]
        said = [letter[name] or "" for name in ("stage", "reason", "tries", "status", "outcome", "image_id")]
        table.add_row(*[Text(plain(cell)) for cell in (letter["id"], when, who.removeprefix("streamapp-"), *said)])
    console = Console()
    console.print(table if answer["dead_letters"] else "no dead letters")
    if answer["next"]:
        console.print("there are older ones; --limit shows more, --since and the other options fewer", style="dim")


def _print_settled(answer: dict[str, Any], verb: str) -> None:
    done = {"retry": "sent again", "discard": "discarded"}[verb]
    console = Console()
    would = "would be " if answer["dry_run"] else ""
    count = len(answer["settled"])
    console.print(f"{count:,} dead letter{'' if count == 1 else 's'} {would}{done}", highlight=False)
    for refused in answer["refused"]:
        console.print(plain(refused["detail"]), style="red", markup=False, highlight=False, soft_wrap=True)
