"""What is measured: a `streamapp up` that runs already, or one of our own in a temporary folder."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from streamapp.devstack.runfile import read
from streamapp.errors import DevStackError
from streamapp.runtime import cache
from streamapp.settings import Settings
from tests.support.stack import running, temporary_folder

#: The first start may convert the models.
START_WITHIN_S = 600.0
console = Console(stderr=True)


@dataclass(frozen=True)
class Target:
    """Where a running platform answers, and its processes."""

    data_dir: Path

    @property
    def api_url(self) -> str:
        """URL of its API."""
        return str(read(self.data_dir)["api_url"])

    @property
    def settings(self) -> Settings:
        """The settings that its workers have, so that our clients find its servers."""
        return Settings.load(dict(_given()) | read(self.data_dir)["environ"])

    def processes(self) -> dict[str, int]:
        """The pid of each process that it started, and its own as `up`."""
        run = read(self.data_dir)
        return {"up": run["pid"], **run["processes"]}


@contextmanager
def target(data_dir: Path | None, *options: str, settings: Mapping[str, str] | None = None) -> Iterator[Target]:
    """The platform running in `data_dir`, or, without one, a fresh one started with `options` and stopped at the end.

    `settings` are variables of that fresh one beside those of our own environment.

    Raises:
        DevStackError: nothing runs there, or it did not start.
    """
    if data_dir is not None:
        if not read(data_dir).get("ready"):
            raise DevStackError(f"no streamapp up is running and ready in {data_dir}")
        yield Target(data_dir)
        return
    with temporary_folder() as folder:
        _take_models_along(folder / ".streamapp")
        console.print("starting a platform of our own …")
        started = time.monotonic()
        with running(
            ["-m", "streamapp", "up", *options], dict(_given()) | dict(settings or {}), START_WITHIN_S, folder
        ) as stack:
            console.print(f"ready after {time.monotonic() - started:.1f} s")
            yield Target(stack.data_dir)


def _take_models_along(data_dir: Path) -> None:
    """Use what this checkout has converted already; without it the platform converts the models first."""
    converted = cache.root(Settings.load(dict(_given())))
    if converted.is_dir():
        shutil.copytree(converted, cache.root(Settings.load({"STREAMAPP_DATA_DIR": str(data_dir)})))


def _given() -> Iterator[tuple[str, str]]:
    """The settings of our own environment, for the platform that we start."""
    for name, value in os.environ.items():
        if name.startswith("STREAMAPP_") and name != "STREAMAPP_DATA_DIR":
            yield name, value
