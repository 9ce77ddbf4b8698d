"""The program that imports TensorFlow to convert models: `python -m streamapp.runtime.convert`, a child process.

Its one argument is the list of specs as JSON; settings come from the environment. It prints one line for each step.
When its standard input ends, the parent is gone, and so it ends too.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from streamapp.errors import StreamappError
from streamapp.runtime import cache
from streamapp.runtime.imports import quiet
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import resolve
from streamapp.settings import Settings

#: How the line of an expected error begins.
ERROR = "error: "


def main(argument: str) -> int:
    """Convert the models that are missing; exit code 1 and a line `error: …` when one cannot be converted."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        convert_missing([ModelSpec(**_tuples(fields)) for fields in json.loads(argument)], Settings.load())
    except StreamappError as error:
        say(f"{ERROR}{error}")
        return 1
    return 0


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


def say(line: str) -> None:
    """Print a line of progress at once."""
    print(line, flush=True)


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON's lists as the tuples that they were."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _end_with_parent() -> None:
    while os.read(0, 1024):  # not sys.stdin: a thread that waits in it breaks the interpreter's end
        pass
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
