"""The program that imports TensorFlow to convert models: `python -m streamapp.runtime.convert`, a child process.

Its arguments are the specs as JSON, one each, perhaps after `background`; settings come from the environment. It
prints one line for each step.
"""

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from streamapp.runtime import cache, child
from streamapp.runtime.child import say
from streamapp.runtime.imports import quiet
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import resolve
from streamapp.settings import Settings

#: The argument after which the cores belong to others first.
BACKGROUND = "background"
#: Added to the process' nice value then: a tenth of the share of a process beside it that computes.
NICE = 10


def main(arguments: list[str]) -> None:
    """Convert the models that are missing.

    Raises:
        ModelError: as for `convert_missing`.
    """
    if BACKGROUND in arguments:
        _step_back()
    specs = [json.loads(argument) for argument in arguments if argument != BACKGROUND]
    convert_missing([ModelSpec(**_tuples(fields)) for fields in specs], Settings.load())


def convert_missing(specs: list[ModelSpec], settings: Settings) -> None:
    """Convert each model that is not in the cache, while no other process does.

    Raises:
        ModelError: one of them cannot be converted; those before it are.
    """
    with cache.exclusive(settings, lambda: say("waiting for another process that converts models")):
        missing = [spec for spec in specs if cache.find(spec, settings) is None]
        if missing:
            say(f"importing TensorFlow to convert {', '.join(spec.name for spec in missing)}; once, some 10 s")
            quiet()
        for number, spec in enumerate(missing, 1):
            say(f"[{number}/{len(missing)}] {spec.name}: {spec.architecture}, {spec.input_size}×{spec.input_size}")
            say(f"[{number}/{len(missing)}] {spec.name}: {_convert(spec, settings)}")


def _convert(spec: ModelSpec, settings: Settings) -> str:
    """Convert one model; the result in words."""
    from streamapp.runtime.export import export

    def make(folder: Path) -> tuple[int, float]:
        return export(spec, resolve(spec, settings), folder)

    start = time.monotonic()
    meta = cache.store(spec, settings, make).meta
    size = f"{meta.parameters / 1e6:.2f} M parameters, {meta.flops / 1e9:.3f} GFLOPs"
    return f"converted in {time.monotonic() - start:.1f} s ({size})"


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON's lists as the tuples that they were."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _step_back() -> None:
    """Let others have the cores first, and be the one that ends when memory does."""
    os.nice(NICE)
    with suppress(OSError):  # not Linux, or not allowed
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    sys.exit(child.serve(lambda: main(sys.argv[1:])))
