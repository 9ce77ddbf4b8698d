"""Convert the models that are not converted yet, in a child process, so that nothing else imports TensorFlow."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from streamapp.runtime import cache, child, convert
from streamapp.runtime.child import say
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import exact, resolve
from streamapp.settings import Settings


def prepare(
    settings: Settings,
    specs: Sequence[ModelSpec] | None = None,
    progress: Callable[[str], None] = say,
    background: bool = False,
) -> None:
    """Convert what is missing in the cache, by default of all models that take part; returns at once if nothing is.

    It takes some 15 s for three models and 1 GB of memory, in one child process. `progress` gets a line for each step.
    Processes that start together wait for each other and convert nothing twice. In the `background` the child leaves
    the cores to others.

    Raises:
        ModelError: a model cannot be converted; the text says which and why.
    """
    chosen = [exact(spec, settings) for spec in (_chosen(settings) if specs is None else specs)]
    missing = [spec for spec in chosen if cache.find(spec, settings) is None]
    if missing:
        arguments = [convert.BACKGROUND] if background else []
        arguments += [json.dumps(asdict(spec)) for spec in missing]
        child.run("converting models", convert.__name__, arguments, settings, progress)
    for spec in missing:
        cache.require(spec, settings)


def listing(settings: Settings) -> list[dict[str, object]]:
    """One row for each model that takes part, for a table: what it is, and whether it is converted.

    Raises:
        ModelError: a file in `agents/` or a weights URI cannot be used.
    """
    return [_row(spec, settings) for spec in _chosen(settings)]


def _chosen(settings: Settings) -> list[ModelSpec]:
    import agents  # not above: it imports this package

    return list(agents.specs(settings.models, settings.weights).values())


def _row(spec: ModelSpec, settings: Settings) -> dict[str, object]:
    weights, entry = resolve(spec, settings), cache.find(spec, settings)
    return {
        "model": spec.name,
        "architecture": f"{spec.architecture} {spec.input_size} px",
        "weights": weights.version if weights.path is None else f"{weights.uri} {weights.version}",
        "runtime": f"{spec.runtime or settings.runtime} {spec.precision or settings.precision}",
        "size": f"{entry.meta.parameters / 1e6:.2f} M, {entry.meta.flops / 1e9:.3f} GFLOPs" if entry else "",
        "converted": "yes" if entry else "no",
    }
