"""The workers of a platform, each in a process of its own, with three tiny real networks as models."""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import agents
from streamapp.settings import Settings
from tests.support.stack import ROOT, clean_environ, share_models
from tests.support.workers import Worker, free_port, launch

MODELS = ("ash", "birch", "cedar")
ROLES = (*MODELS, "stats", "recorder", "api")
INPUT = 64
AGENT = '''"""A contestant of the tests: a network so small that everything else counts."""

from streamapp.runtime.spec import ModelSpec

SPEC = ModelSpec(name="{name}", architecture="TinyCNN", input_size={size}, detail=None, weights="{weights}")
'''
WEIGHTS = ROOT / ".streamapp-test" / "weights" / "TinyCNN.weights.h5"


class Fleet:
    """Workers by name: `ash-1`, `ash-2`, `stats-1`, …; `settings_of(role)` are those of each role.

    `environ` are more variables of those that are started from now on.
    """

    def __init__(self, settings_of: dict[str, Settings], folder: Path) -> None:
        self._settings_of = settings_of
        self._folder = folder
        self._mischief = folder / "mischief.json"
        self._ports: dict[str, int] = {}
        self.workers: dict[str, Worker] = {}
        self.environ: dict[str, str] = {}
        self.behave()
        write_agents(folder / "checkout")

    def __getitem__(self, name: str) -> Worker:
        return self.workers[name]

    @property
    def api(self) -> Worker:
        """The one that serves the API."""
        return self.workers["api-1"]

    def log(self, name: str) -> Path:
        """Where a worker's output goes."""
        return self._folder / f"{name}.log"

    def data_dir(self, name: str) -> Path:
        """A worker's data folder."""
        return self._folder / name

    def misbehave(self, model: str, **plan: float) -> None:
        """From now on this model does as `plan` says (`tests.support.mischief`)."""
        self._write_plan({model: plan})

    def behave(self) -> None:
        """All models do as they should."""
        self._write_plan({})

    def _write_plan(self, plans: dict[str, dict[str, float]]) -> None:
        new = self._mischief.with_suffix(".new")
        new.write_text(json.dumps(plans))
        new.replace(self._mischief)

    def start(self, *names: str, **changes: object) -> None:
        """Start workers, with these settings changed. A name that was used before keeps its data and its log."""
        for name in names:
            assert name not in self.workers or not self.workers[name].alive, f"{name} runs"
            self.workers[name] = self._launch(name, changes)

    async def ready(self, names: Iterable[str] = (), wait_s: float = 90) -> None:
        """Wait until these are ready, or all that run."""
        running = names or [name for name, worker in self.workers.items() if worker.alive]
        await asyncio.gather(*(self.workers[name].ready(wait_s) for name in running))

    def kill(self, *names: str) -> None:
        """kill -9, all of them at once."""
        for name in names:
            self.workers[name].process.kill()
        for name in names:
            self.workers[name].process.wait()

    def restart(self, *names: str) -> None:
        """kill -9 and start again, as a supervisor does."""
        self.kill(*names)
        self.start(*names)

    def stop(self, *names: str) -> float:
        """SIGTERM to all of them at once; the seconds until the last one has ended."""
        started = time.monotonic()
        for name in names:
            self.workers[name].process.terminate()
        for name in names:
            self.workers[name].process.wait(60)
        return time.monotonic() - started

    def fallen(self) -> dict[str, int]:
        """Workers that have ended by themselves, with their exit status."""
        return {name: worker.process.returncode for name, worker in self.workers.items() if not worker.alive}

    def _launch(self, name: str, changes: dict[str, object]) -> Worker:
        role, port = name.rpartition("-")[0], self._ports.setdefault(name, free_port())
        own = {"roles": role, "data_dir": self.data_dir(name), "web_port": port, "api_port": port}
        settings = self._settings_of[role].model_copy(update={**own, **changes})
        settings.data_dir.mkdir(exist_ok=True)
        if not (settings.data_dir / "models").exists():
            share_models(settings.data_dir)
        environ = {
            "PYTHONPATH": f"{self._folder / 'checkout'}:{ROOT}",
            "PYTHONUNBUFFERED": "1",
            "MISCHIEF": str(self._mischief),
            "TMPDIR": str(self._folder),  # a lane of their own: other stacks on this host have theirs
            **self.environ,
        }
        program = ("-m", "tests.support.mischief")
        return launch(settings, self.log(name), self._folder, program, environ, start_new_session=True)


@contextmanager
def fleet(settings_of: dict[str, Settings], folder: Path) -> Iterator[Fleet]:
    """A fleet without workers; those that it has at the end are killed."""
    workers = Fleet(settings_of, folder)
    try:
        yield workers
    finally:
        workers.kill(*workers.workers)


def write_agents(checkout: Path) -> None:
    """A copy of the package `agents` with the tiny models as its only ones."""
    package = checkout / "agents"
    package.mkdir(parents=True)
    shutil.copy(Path(agents.__file__), package)
    _make_weights()
    for name in MODELS:
        (package / f"{name}.py").write_text(AGENT.format(name=name, size=INPUT, weights=WEIGHTS))


def _make_weights() -> None:
    """Weights that tell images apart, made once by a child process that imports TensorFlow."""
    if WEIGHTS.exists():
        return
    WEIGHTS.parent.mkdir(parents=True, exist_ok=True)
    images = WEIGHTS.with_name("images.npy")
    np.save(images, np.random.default_rng(1).integers(0, 255, (64, INPUT, INPUT, 3), np.uint8))
    command = [sys.executable, "-m", "tests.support.model_child", "calibrate"]
    environ = clean_environ({"PYTHONPATH": str(ROOT)})
    subprocess.run([*command, WEIGHTS.parent, images, "TinyCNN"], env=environ, check=True, capture_output=True)
