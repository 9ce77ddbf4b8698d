"""Convert the models that are not converted yet, in a child process, so that nothing else imports TensorFlow."""

import sys
from collections.abc import Callable, Sequence

from streamapp.runtime import cache, child, convert
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import exact
from streamapp.settings import Settings


def tell(line: str) -> None:
    """Print a line of progress where it is in nobody's way who reads what a command answers, such as `--json`."""
    print(line, file=sys.stderr, flush=True)


def prepare(
    settings: Settings,
    specs: Sequence[ModelSpec] | None = None,
    progress: Callable[[str], None] = tell,
    background: bool = False,
) -> None:
    """Convert what is missing in the cache, by default of all models that take part; returns at once if nothing is.

    It takes some 15 s for three models, as long again for each at int8, and 1 GB of memory, in one child process.
    `progress` gets a line for each step. Processes that start together wait for each other and convert nothing twice.
    In the `background` the child leaves the cores to others.

    Raises:
        ModelError: a model cannot be converted; the text says which and why.
    """
    chosen = [exact(spec, settings) for spec in (_chosen(settings) if specs is None else specs)]
    missing = [spec for spec in chosen if cache.find(spec, settings) is None]
    if missing:
        arguments = [convert.BACKGROUND] if background else []
        arguments += [spec.to_json() for spec in missing]
        child.run("converting models", convert.__name__, arguments, settings, progress)
    for spec in missing:
        cache.require(spec, settings)


def _chosen(settings: Settings) -> list[ModelSpec]:
    import agents  # not above: it imports this package

    return list(agents.specs(settings.models, settings.weights).values())
