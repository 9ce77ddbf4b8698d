"""The program that imports TensorFlow to convert models: `python -m streamapp.runtime.convert`, a child process.

Its arguments are the specs as JSON, one each, perhaps after `background`; settings come from the environment. It
prints one line for each step.
"""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from streamapp.runtime import cache, child
from streamapp.runtime.calibration import calibration
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
    specs = [ModelSpec.from_json(argument) for argument in arguments if argument != BACKGROUND]
    convert_missing(specs, Settings.load())


def convert_missing(specs: list[ModelSpec], settings: Settings) -> None:
    """Convert each model that is not in the cache, while no other process does.

    Raises:
        ModelError: one of them cannot be converted; those before it are.
    """
    with cache.exclusive(settings, lambda: say("waiting for another process that converts models")):
        quiet()
        steps = _steps(specs, settings)
        if any(not _is_int8(step, settings) for step in steps):
            say("importing TensorFlow to convert models; once, some 10 s")
        for number, step in enumerate(steps, 1):
            # What libraries print is turned away while they work, and these lines are not.
            tell = partial(print, f"[{number}/{len(steps)}] {step.name}:", file=sys.stdout, flush=True)
            _convert(step, settings, tell)


def _steps(specs: list[ModelSpec], settings: Settings) -> list[ModelSpec]:
    """What is missing, each once: some models share their files, and an int8 model is made from the same one in f32."""
    missing: dict[Path, ModelSpec] = {}
    for spec in specs:
        if cache.find(spec, settings) is None:
            for step in (replace(spec, precision="f32"), spec):
                if cache.find(step, settings) is None:
                    missing.setdefault(cache.folder_of(step, resolve(step, settings), settings), step)
    return list(missing.values())


def _is_int8(spec: ModelSpec, settings: Settings) -> bool:
    return spec.run_by(settings)[1] == "int8"


def _convert(step: ModelSpec, settings: Settings, tell: Callable[[str], None]) -> None:
    """Convert one model into the cache."""
    make = _quantised if _is_int8(step, settings) else _exported
    start = time.monotonic()
    meta = cache.store(step, settings, partial(make, step, settings, tell)).meta
    size = f"{meta.parameters / 1e6:.2f} M parameters, {meta.flops / 1e9:.3f} GFLOPs"
    tell(f"converted in {time.monotonic() - start:.1f} s ({size})")


def _exported(step: ModelSpec, settings: Settings, tell: Callable[[str], None], folder: Path) -> tuple[int, float]:
    from streamapp.runtime.export import export

    tell(f"{step.architecture}, {step.input_size}×{step.input_size}")
    return export(step, resolve(step, settings), folder)


def _quantised(step: ModelSpec, settings: Settings, tell: Callable[[str], None], folder: Path) -> tuple[int, float]:
    from streamapp.runtime.quantise import quantise

    pictures = calibration(step, settings)
    tell(f"{step.architecture}, int8: calibrated with {len(pictures.pixels)} pictures of {pictures.source}")
    return quantise(cache.require(replace(step, precision="f32"), settings), pictures, folder, tell)


def _step_back() -> None:
    """Let others have the cores first, and be the one that ends when memory does."""
    os.nice(NICE)
    with suppress(OSError):  # not Linux, or not allowed
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    sys.exit(child.serve(lambda: main(sys.argv[1:])))
