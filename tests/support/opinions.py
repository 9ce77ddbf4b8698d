"""Weights of TinyCNN with an opinion: whatever the picture, they answer with one class, and so say which they are.

As a child process, so that the tests never import TensorFlow: `python -m tests.support.opinions FOLDER CLASS…` writes
`CLASS.weights.h5` for each class, and `five.weights.h5`, whose network has five outputs.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from streamapp.runtime.facts import ATTRIBUTE
from streamapp.runtime.imports import quiet
from streamapp.runtime.spec import CIFAR10

SIZE = 32
FIVE = "five.weights.h5"
#: Of a hundred million pictures, all are that class.
CERTAIN = 100.0


def make(folder: Path, classes: Sequence[str]) -> None:
    """Write the files, in a child process."""
    command = [sys.executable, "-m", __name__, str(folder), *classes]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr


def tell(path: Path, **facts: Any) -> None:
    """Note facts in a weights file, as the trainer does."""
    with h5py.File(path, "a") as file:
        file.attrs[ATTRIBUTE] = json.dumps(facts)


def _write(folder: Path, classes: Sequence[str]) -> None:
    quiet()
    import keras

    from streamapp.runtime.architectures import build

    for name in classes:
        keras.utils.set_random_seed(1)
        network = build("TinyCNN", SIZE, len(CIFAR10))
        head = [layer for layer in network._flatten_layers() if isinstance(layer, keras.layers.Dense)][-1]
        kernel, bias = head.get_weights()
        head.set_weights([kernel, np.where(np.array(CIFAR10) == name, CERTAIN, bias)])
        network.save_weights(folder / f"{name}.weights.h5")
    build("TinyCNN", SIZE, 5).save_weights(folder / FIVE)


if __name__ == "__main__":
    _write(Path(sys.argv[1]), sys.argv[2:])
