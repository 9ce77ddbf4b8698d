"""Real stacks for tests: `streamapp up` as a process of its own in a temporary folder, stopped by its pid."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
STOP_S = 10.0
SERVERS_ONLY = (
    "import sys; from streamapp.devstack.options import UpOptions; from streamapp.devstack.up import run; "
    "from streamapp.settings import Settings; sys.exit(run(Settings.load(), UpOptions(servers_only=True)))"
)


@dataclass(frozen=True)
class Stack:
    """A running `streamapp up`."""

    folder: Path
    data_dir: Path
    process: subprocess.Popen[bytes]
    log: Path
    given: Mapping[str, str]

    def run(self) -> dict[str, Any]:
        """What `run.json` says now; empty if there is none."""
        try:
            values: dict[str, Any] = json.loads((self.data_dir / "run.json").read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return values

    def processes(self) -> dict[str, int]:
        """The pid of each child, by name."""
        return dict(self.run().get("processes", {}))

    def output(self) -> str:
        """Everything it has printed."""
        return self.log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def broker(self) -> str:
        return str(self.run()["broker"])

    @property
    def database_url(self) -> str:
        return str(self.run()["database_url"])

    @property
    def object_store_url(self) -> str:
        return str(self.run()["object_store_url"])

    @property
    def redis_url(self) -> str:
        return str(self.run()["redis_url"])

    @property
    def api_url(self) -> str:
        return str(self.run()["api_url"])

    @property
    def dashboard_url(self) -> str:
        return str(self.run()["dashboard_url"])

    @property
    def environ(self) -> dict[str, str]:
        """The STREAMAPP_ variables of a worker of this stack."""
        return {**self.run()["environ"], **self.given}

    def wait_ready(self, wait_s: float) -> None:
        """Return when `run.json` says that all is ready; fail with the log when it ends or takes too long."""
        deadline = time.monotonic() + wait_s
        while not self.run().get("ready"):
            if self.process.poll() is not None:
                raise AssertionError(f"up ended with {self.process.returncode}:\n{self.output()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"up is not ready after {wait_s:g} s:\n{self.output()}")
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGINT) -> float:
        """Stop it by a signal; the seconds that it took. Fails if it takes too long or leaves a process."""
        left = descendants(self.pid)
        started = time.monotonic()
        self.process.send_signal(number)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"up did not end within {STOP_S:g} s:\n{self.output()}") from None
        took = time.monotonic() - started
        assert gone(left, 1.0), f"left behind: {[process.cmdline() for process in left if process.is_running()]}"
        return took


def clean_environ(extra: Mapping[str, str]) -> dict[str, str]:
    """Our environment without settings of the platform, and with these."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("STREAMAPP_")}
    return {**plain, **extra}


def descendants(pid: int) -> list[psutil.Process]:
    """Every process below `pid` now."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def gone(processes: list[psutil.Process], wait_s: float) -> bool:
    """Whether all of them end within `wait_s` seconds."""
    _, alive = psutil.wait_procs(processes, timeout=wait_s)
    return not alive


def launch(folder: Path, arguments: list[str], extra: Mapping[str, str]) -> Stack:
    """Start `python ARGUMENTS` in a folder; its output goes to `up.out` there."""
    log = folder / "up.out"
    given = {"STREAMAPP_DATA_DIR": str(folder / ".streamapp"), **extra}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=clean_environ({"PYTHONPATH": str(ROOT), **given}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Stack(folder, Path(given["STREAMAPP_DATA_DIR"]), process, log, given)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's unprivileged user can reach too (pytest's own are closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="streamapp-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(arguments: list[str], extra: Mapping[str, str], wait_s: float) -> Iterator[Stack]:
    with temporary_folder() as folder:
        stack = launch(folder, arguments, extra)
        try:
            stack.wait_ready(wait_s)
            yield stack
        finally:
            if stack.process.poll() is None:
                stack.stop()


@contextmanager
def running_servers(extra: Mapping[str, str] | None = None, wait_s: float = 60) -> Iterator[Stack]:
    """The embedded servers alone."""
    with _running(["-c", SERVERS_ONLY], extra or {}, wait_s) as stack:
        yield stack
