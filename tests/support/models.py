"""Real pictures, and what models answer to them in the runtime Keras, which runs in a child process."""

import json
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pytest

from streamapp.runtime.preprocess import decode
from streamapp.runtime.spec import CIFAR10, ModelSpec
from streamapp.settings import Settings
from tests.support import model_child
from tests.support.stack import ROOT

DATA = Path(os.environ.get("STREAMAPP_TEST_DATA") or ROOT.parent / "shared" / "data")
TRAIN, TEST = DATA / "cifar10-train.zip", DATA / "cifar10-test.zip"

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


def cifar10(file: Path, count: int, size: int, detail: int | None = None) -> tuple[Images, Labels]:
    """`count` pictures of all classes, always the same ones, as models take them, and the numbers of their classes."""
    if not file.exists():
        pytest.skip(f"the CIFAR-10 pictures are not at {file}")
    with zipfile.ZipFile(file) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        names = random.Random(3).sample(names, count)
        images = np.stack([decode(archive.read(name), size, detail) for name in names])
    return images, np.array([CIFAR10.index(name.split("/")[1]) for name in names])


def run_child(command: str, *arguments: str) -> str:
    """Run a command of `model_child`; what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", model_child.__name__, command, *arguments], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_json(specs: Sequence[ModelSpec]) -> str:
    """Specs for `run_child`."""
    return json.dumps([asdict(spec) for spec in specs])


def keras_answers(specs: Sequence[ModelSpec], settings: Settings, images: Images) -> dict[str, np.ndarray]:
    """What each of these converted models answers when Keras runs it, by name."""
    chosen = json.dumps({"data_dir": str(settings.data_dir), "runtime": "keras"})
    with TemporaryDirectory() as folder:
        asked, answered = f"{folder}/images.npy", f"{folder}/answers.npz"
        np.save(asked, images)
        run_child("predict", chosen, as_json(specs), asked, answered)
        with np.load(answered) as answers:
            return dict(answers)
