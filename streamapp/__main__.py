"""The command line: `streamapp up | worker | produce | predict | models | ledger | dead-letters | replay | …`."""

import logging
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from streamapp.commands.dead_letters import app as dead_letters
from streamapp.commands.ledger import ledger
from streamapp.commands.replay import app as replay
from streamapp.commands.token import app as token
from streamapp.errors import StreamappError
from streamapp.ingest.predict import predict
from streamapp.ingest.produce.cli import app as produce
from streamapp.models.cli import app as models
from streamapp.settings import Settings
from training.cli import evaluate, train

cli = typer.Typer(
    name="streamapp",
    help="Live, and with statistics: which image model should you ship?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
cli.add_typer(produce, name="produce")
cli.add_typer(models, name="models")
cli.add_typer(dead_letters, name="dead-letters")
cli.add_typer(replay, name="replay")
cli.add_typer(token, name="token")
cli.command()(predict)
cli.command()(ledger)
cli.command()(train)
cli.command()(evaluate)


@cli.command()
def up(
    demo: Annotated[bool, typer.Option("--demo", help="Also stream images, CIFAR-10 where it is.")] = False,
    rate: Annotated[float, typer.Option(help="Images per second of the demo's stream.", min=0.01)] = 2.0,
    stream: Annotated[str, typer.Option(help="The demo's stream: auto, cifar10 or photos.")] = "auto",
    workers: Annotated[int, typer.Option(help="Workers for each role; the API always has one.", min=1)] = 1,
    dashboard: Annotated[bool, typer.Option(help="Start the dashboard.")] = True,
    servers_only: Annotated[bool, typer.Option("--servers-only", help="Start nothing but the servers.")] = False,
) -> None:
    """Start the whole platform on this machine; Ctrl-C stops it."""
    from streamapp.devstack.options import UpOptions
    from streamapp.devstack.up import run

    options = UpOptions(
        demo=demo, rate=rate, stream=stream, workers=workers, dashboard=dashboard, servers_only=servers_only
    )
    raise typer.Exit(run(Settings.load(), options))


@cli.command()
def worker(
    role: Annotated[list[str] | None, typer.Option(help="Role to run; may be given more than once.")] = None,
) -> None:
    """Run one Faust worker with the roles of STREAMAPP_ROLES, or all roles."""
    from streamapp.application import create_app
    from streamapp.logs import configuration

    settings = Settings.load()
    if role:
        settings = settings.model_copy(update={"roles": ",".join(role)})
    app = create_app(settings)
    level = settings.log_level
    app.Worker(loglevel=level, logging_config=configuration(level), redirect_stdouts=False).execute_from_commandline()


def main() -> None:
    """Run the command line; an expected error is one line and exit code 1."""
    logging.captureWarnings(True)
    try:
        cli()
    except StreamappError as error:
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
