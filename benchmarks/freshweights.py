"""Weights files that differ, for measurements that need several versions of a model: networks that nobody has trained.

As a child process, for it imports TensorFlow: `python -m benchmarks.freshweights ARCHITECTURE SIZE CLASSES FILE…`
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from streamapp.errors import ModelError
from streamapp.runtime.imports import quiet
from streamapp.runtime.spec import ModelSpec


def make(spec: ModelSpec, files: Sequence[Path]) -> None:
    """Write weights for this model into each file, in a child process.

    Raises:
        ModelError: it failed.
    """
    facts = [spec.architecture, str(spec.input_size), str(len(spec.labels))]
    command = [sys.executable, "-m", __name__, *facts, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ModelError(f"weights for the measurement could not be made: {done.stderr.strip().splitlines()[-1:]}")


def _write(architecture: str, size: int, classes: int, files: Sequence[str]) -> None:
    quiet()
    import keras

    from streamapp.runtime.architectures import build

    for seed, file in enumerate(files):
        keras.utils.set_random_seed(seed)
        build(architecture, size, classes).save_weights(file)


if __name__ == "__main__":
    _write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
