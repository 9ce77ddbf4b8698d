"""The commands `streamapp models list | show | prepare | register | promote | rollback`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streamapp.errors import ApiError, ModelError, RegistryUnavailable
from streamapp.models import overview, promotion, running
from streamapp.runtime import versions
from streamapp.runtime.spec import ModelSpec
from streamapp.settings import Settings

app = typer.Typer(help="The models: what there is, what is registered, and which version serves.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the model.")]
#: Columns of a table that goes to a file or a pipe.
WIDE = 160


@app.command("list")
def list_models() -> None:
    """Show the models that take part: what would be run, how good it is, and whether it is converted."""
    settings = Settings.load()
    rows, errors = overview.rows(_specs(settings), settings)
    columns = max(rows, key=len).keys()
    table = Table(*columns)
    for row in rows:
        table.add_row(*[escape(row.get(column, "")) for column in columns])
    _console().print(table)
    for error in errors:
        _error(error)
    if errors:
        raise typer.Exit(1)


@app.command()
def show(name: Name) -> None:
    """Show all that is known of a model, with the versions that are registered."""
    settings = Settings.load()
    spec, error = _specs(settings).get(name), None
    if spec is not None:
        table = Table(show_header=False, box=None)
        try:
            for fact, text in overview.look(spec, settings).details(settings).items():
                table.add_row(fact, escape(text))
        except ModelError as caught:  # what is registered says what could be done about it
            error = caught
        _console().print(table)
    _versions(name, settings, spec is not None)
    if error is not None:
        _error(error)
        raise typer.Exit(1)


@app.command()
def prepare() -> None:
    """Convert the models that are not converted yet; the workers need it, `streamapp up` does it by itself."""
    from streamapp.runtime.prepare import prepare

    settings = Settings.load()
    prepare(settings, list(_specs(settings).values()))


@app.command()
def register(
    name: Name,
    path: Annotated[Path, typer.Argument(help="A .weights.h5 or .keras file, or a folder with an OpenVINO model.")],
) -> None:
    """Make weights a version of the registered model, once it is sure that the model can run them."""
    from training.registration import register

    version = register(_known(name, Settings.load()), path, Settings.load())
    print(f"registered: {version.uri}; `streamapp models promote {name} {version.number}` serves it")


@app.command()
def promote(name: Name, version: Annotated[int, typer.Argument(help="Number of the version.", min=1)]) -> None:
    """Make a version the champion; a running platform changes over to it."""
    settings = Settings.load()
    before = promotion.promote(name, version, settings)
    if before == version:
        print(f"{name}: version {version} is the champion already")
    else:
        print(f"{name}: version {version} is the champion now; before it: {before or 'none'}")
    _follow(name, settings)


@app.command()
def rollback(name: Name) -> None:
    """Make the champion before this one the champion again; a running platform changes over to it."""
    from training.registry import Registry

    settings = Settings.load()
    print(f"{name}: version {Registry.open(settings.data_dir).rollback(name)} is the champion again")
    _follow(name, settings)


def _specs(settings: Settings) -> dict[str, ModelSpec]:
    import agents

    return agents.specs(settings.models, settings.weights)


def _known(name: str, settings: Settings) -> ModelSpec:
    specs = _specs(settings)
    if name not in specs:
        raise ModelError(f"no model {name!r} takes part; there are {', '.join(specs) or 'none'}")
    return specs[name]


def _versions(name: str, settings: Settings, takes_part: bool) -> None:
    """The registered versions, newest first; none is an error only for a name that stands for nothing at all."""
    try:
        found = versions.registered(name, settings)
    except RegistryUnavailable:
        raise
    except ModelError as error:
        if not takes_part:
            _known(name, settings)
        print(f"\nno registered versions: {error}")
        return
    table = Table("version", "alias", "accuracy", "registered", "sha256", "run")
    for each in found:
        created = each.created.astimezone().strftime("%Y-%m-%d %H:%M")
        digest = each.version.digest[:12]
        aliases = ", ".join(each.aliases)
        table.add_row(str(each.version.number), aliases, overview.percent(each.accuracy), created, digest, each.run_id)
    _console().print(table)


def _follow(name: str, settings: Settings) -> None:
    """Let the platform that runs change over; say what must be set where nothing follows the champion."""
    api, champion = running.url(settings), f"models:/{name}@champion"
    try:
        models = running.followers(api, name) if api else None
    except ApiError as error:
        print(error)
        models = None
    if models is None:
        followed = any(spec.weights == champion for spec in _specs(settings).values())
        how = "" if followed else f", with STREAMAPP_WEIGHTS={name}={champion}"
        print(f"no platform runs here: it takes effect at the next start{how}")
    elif not models:
        print(f"the platform at {api} runs no version of it: start it with STREAMAPP_WEIGHTS={name}={champion}")
    for model in models or ():
        running.reload(api, model, print)


def _error(error: ModelError) -> None:
    Console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)


def _console() -> Console:
    """Where tables go: as wide as the terminal, and wide enough for every column elsewhere."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDE)
