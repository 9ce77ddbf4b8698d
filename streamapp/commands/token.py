"""`streamapp token create | list | revoke`: who may ask the API."""

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from streamapp.access import keys
from streamapp.access.callers import SCOPES
from streamapp.commands.ask import AsJson, plain
from streamapp.commands.target import platform_settings
from streamapp.errors import SettingsError
from streamapp.storage.keys import KeyStore, KeyView
from streamapp.storage.postgres import Database

DAY_S = 86_400.0
#: A hundred years. The database takes much later ends, which Python cannot read: then no key could be listed any more.
MOST_DAYS = 36_500

app = typer.Typer(help="API keys and tokens: who may read, write, label, or administer.", no_args_is_help=True)


def _known(scopes: list[str]) -> list[str]:
    for scope in scopes:
        if scope not in SCOPES:
            raise typer.BadParameter(f"{plain(scope)} is none of {', '.join(SCOPES)}")
    return scopes


def _in_reach(days: float) -> float:
    if not 0 <= days <= MOST_DAYS:  # true of nan too, unlike a range of typer's
        raise typer.BadParameter(f"must be between 0 and {MOST_DAYS}")
    return days


@app.command()
def create(
    scope: Annotated[
        list[str],
        typer.Option(callback=_known, help=f"What it may do: {', '.join(SCOPES)}; may be given more than once."),
    ],
    name: Annotated[str, typer.Option(help="Whose it is, for the log.")] = "nameless",
    days: Annotated[
        float,
        typer.Option(callback=_in_reach, help=f"How long it is good, at most {MOST_DAYS}; 0: until it is revoked."),
    ] = 90.0,
    signed: Annotated[
        bool, typer.Option("--jwt", help="A signed token (JWT) in place of a key: nothing is stored, none is revoked.")
    ] = False,
) -> None:
    """Make an API key and print it. It is shown now and never again; only a hash of it is stored."""
    scopes = sorted(set(scope))
    if signed:
        typer.echo(_signed(name, scopes, days))
        return
    key = keys.create()
    asyncio.run(_add(key, name, scopes, days * DAY_S if days else None))
    Console(stderr=True).print(f"key {key.id} of {plain(name)}: {', '.join(scopes)}", markup=False, highlight=False)
    typer.echo(str(key))


@app.command(name="list")
def show(as_json: AsJson = False) -> None:
    """List the API keys: names, scopes and times, never the keys."""
    found = asyncio.run(_every())
    if as_json:
        typer.echo(json.dumps([key.model_dump(mode="json") for key in found]))
        return
    table = Table(box=SIMPLE)
    for column in ("id", "name", "scopes", "made", "good until", ""):
        table.add_column(column)
    for key in found:
        until = f"{key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else "revoked"
        state = "revoked" if key.revoked_at else ""
        table.add_row(key.id, plain(key.name), ", ".join(key.scopes), f"{key.created_at:%Y-%m-%d %H:%M}", until, state)
    Console().print(table)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `list` shows it.")],
) -> None:
    """Make an API key worthless, within ten seconds everywhere."""
    if not asyncio.run(_revoke(key_id)):
        raise SettingsError(f"there is no key {plain(key_id)} that is not revoked already; `streamapp token list`")
    typer.echo(f"{key_id} is revoked")


def _signed(name: str, scopes: Sequence[str], days: float) -> str:
    from streamapp.access.tokens import Tokens

    tokens = Tokens.of(platform_settings())
    if tokens is None:
        raise SettingsError("--jwt needs STREAMAPP_JWT_SECRET, the secret that the API checks tokens with")
    if not days:
        raise SettingsError("a signed token cannot be revoked, so it must end: --days")
    return tokens.sign(name, scopes, days * DAY_S)


async def _add(key: keys.ApiKey, name: str, scopes: Sequence[str], seconds: float | None) -> KeyView:
    async with Database.connect(platform_settings().database_url) as db:
        await db.migrate()  # a key may be wanted before the API has ever run
        return await KeyStore(db).add(key, name, scopes, seconds)


async def _every() -> list[KeyView]:
    async with Database.connect(platform_settings().database_url) as db:
        await db.migrate()
        return await KeyStore(db).every()


async def _revoke(key_id: str) -> bool:
    async with Database.connect(platform_settings().database_url) as db:
        await db.migrate()
        return await KeyStore(db).revoke(key_id)
