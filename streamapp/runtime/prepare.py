"""Convert the models that are not converted yet, in a child process, so that nothing else imports TensorFlow."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import IO

from streamapp.errors import ModelError
from streamapp.runtime import cache
from streamapp.runtime.convert import ERROR, say
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import resolve
from streamapp.settings import Settings


def prepare(
    settings: Settings, specs: Sequence[ModelSpec] | None = None, progress: Callable[[str], None] = say
) -> None:
    """Convert what is missing in the cache, by default of all models that take part; returns at once if nothing is.

    It takes some 15 s for three models and 1 GB of memory, in one child process. `progress` gets a line for each step.
    Processes that start together wait for each other and convert nothing twice.

    Raises:
        ModelError: a model cannot be converted; the text says which and why.
    """
    chosen = _chosen(settings) if specs is None else specs
    missing = [spec for spec in chosen if cache.find(spec, settings) is None]
    if missing:
        _run_child(missing, settings, progress)
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

    return list(agents.specs(settings.models).values())


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


def _run_child(missing: Sequence[ModelSpec], settings: Settings, progress: Callable[[str], None]) -> None:
    command = [sys.executable, "-m", "streamapp.runtime.convert", json.dumps([asdict(spec) for spec in missing])]
    pipe = subprocess.PIPE
    error = ""
    with (
        tempfile.TemporaryFile("w+", errors="replace") as noise,
        # The child holds on to its standard input: when this process is gone, so is the child.
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=noise, text=True, env=_environ(settings)) as child,
    ):
        for line in child.stdout or ():
            if line.startswith(ERROR):
                error = line.removeprefix(ERROR).strip()
            else:
                progress(line.rstrip())
        code = child.wait()
        if code:
            raise ModelError(error or _unexpected(code, noise))


def _environ(settings: Settings) -> dict[str, str]:
    """The environment that gives a child these settings, whatever this process' own say."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("STREAMAPP_")}
    return {**others, **settings.environ()}


def _unexpected(code: int, noise: IO[str]) -> str:
    """What to say when the child ended without saying why."""
    noise.seek(0)
    lines = [line.strip() for line in noise if line.strip()]
    last = lines[-1] if lines else "nothing was printed"
    if code == -signal.SIGKILL:
        last = "killed, perhaps for want of memory; it takes 1 GB"
    return f"converting models failed (exit code {code}): {last}"
