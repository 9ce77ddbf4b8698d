"""Real stacks for tests: `streamapp up` as a process of its own in a temporary folder, stopped by its pid."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.processes import descendants, gone

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
        """What `run.json` says now; empty if there is none, or only that of another run."""
        try:
            values: dict[str, Any] = json.loads((self.data_dir / "run.json").read_text())
        except FileNotFoundError:
            return {}
        return values if values["pid"] == self.pid else {}

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

    def wait_end(self, wait_s: float) -> int:
        """Its exit status, once it has ended by itself."""
        try:
            return self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"up did not end within {wait_s:g} s:\n{self.output()}") from None

    def stop(self, number: int = signal.SIGINT) -> float:
        """Stop it by a signal; the seconds that it took. Fails if it takes too long or leaves a process."""
        left = descendants(self.pid)
        started = time.monotonic()
        self.process.send_signal(number)
        self.wait_end(STOP_S)
        took = time.monotonic() - started
        assert gone(left, 1.0), "it left processes behind"
        return took


def clean_environ(extra: Mapping[str, str]) -> dict[str, str]:
    """Our environment without settings of the platform, and with these."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("STREAMAPP_")}
    return {**plain, **extra}


def launch(folder: Path, arguments: Sequence[str], extra: Mapping[str, str], **options: Any) -> Stack:
    """Start `python ARGUMENTS` in a folder; its output goes to `up.out` there. `options` are those of Popen."""
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
            **options,
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
def running(
    arguments: Sequence[str], extra: Mapping[str, str], wait_s: float, folder: Path | None = None, **options: Any
) -> Iterator[Stack]:
    """`python ARGUMENTS`, ready; stopped by its pid at the end, with nothing left behind."""
    with temporary_folder() if folder is None else nullcontext(folder) as place:
        stack = launch(place, arguments, extra, **options)
        try:
            stack.wait_ready(wait_s)
            yield stack
        finally:
            if stack.process.poll() is None:
                stack.stop()


@contextmanager
def running_servers(
    extra: Mapping[str, str] | None = None, wait_s: float = 60, folder: Path | None = None, **options: Any
) -> Iterator[Stack]:
    """The embedded servers alone."""
    with running(["-c", SERVERS_ONLY], extra or {}, wait_s, folder, **options) as stack:
        yield stack


@contextmanager
def running_stack(
    extra: Mapping[str, str] | None = None,
    workers: int = 1,
    dashboard: bool = False,
    arguments: Sequence[str] = (),
    wait_s: float = 240,
) -> Iterator[Stack]:
    """The whole platform, as `streamapp up` starts it.

    `extra` are settings (`STREAMAPP_BROKER` of a real Kafka, `STREAMAPP_MODELS`, `STREAMAPP_ROLES`, …), `arguments`
    further arguments of `up`.
    """
    options = [f"--workers={workers}", "--dashboard" if dashboard else "--no-dashboard", *arguments]
    with temporary_folder() as folder:
        share_models(folder / ".streamapp")
        with running(["-m", "streamapp", "up", *options], extra or {}, wait_s, folder) as stack:
            yield stack


def share_models(data_dir: Path) -> None:
    """Let a data folder use the tests' cache of converted models, so that they are converted once."""
    kept = Path(os.environ.get("STREAMAPP_TEST_MODEL_CACHE") or ROOT / ".streamapp-test" / "models").absolute()
    kept.mkdir(parents=True, exist_ok=True)
    data_dir.mkdir(exist_ok=True)
    (data_dir / "models").symlink_to(kept, target_is_directory=True)
