"""One stack per data folder: its lock, and `run.json`, where other programs read what runs and where."""

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any, TextIO

import psutil

from streamapp.devstack.secrets import write_private
from streamapp.errors import DevStackError

WAIT_S = 10.0  # for the processes of a killed run, which its guard is ending


class Lock:
    """An exclusive lock on a data folder.

    Every process of the stack inherits it, so it is free only when the last of them is gone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "up.lock"
        self._file: TextIO | None = None

    def fileno(self) -> int:
        """The descriptor that children inherit."""
        assert self._file is not None, "acquire() first"
        return self._file.fileno()

    def acquire(self, wait_s: float = WAIT_S) -> None:
        """Take the lock; wait at most `wait_s` seconds for processes of a run whose parent is dead.

        Raises:
            DevStackError: a stack is running in this folder, or the folder cannot be written.
        """
        try:
            self._file = self._path.open("a+")
        except OSError as error:
            raise DevStackError(f"{self._path} cannot be written: {error.strerror}") from None
        try:
            self._wait(time.monotonic() + wait_s)
        except DevStackError:
            self.release()
            raise
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Give the lock up."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _wait(self, deadline: float) -> None:
        told = False
        while not self._try():
            owner = self._owner()
            if owner and psutil.pid_exists(owner):
                raise DevStackError(_running(self._folder, owner))
            if time.monotonic() > deadline:
                raise DevStackError(_left_over(self._folder))
            if not told:
                print("waiting for the processes of the last run to end", flush=True)
            told = True
            time.sleep(0.1)

    def _try(self) -> bool:
        try:
            fcntl.flock(self.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _owner(self) -> int:
        text = self._path.read_text().strip()
        return int(text) if text.isdigit() else 0


class RunFile:
    """`<data_dir>/run.json`: who runs, where everything answers, and whether it is ready."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "run.json"
        self._values: dict[str, Any] = {"pid": os.getpid(), "ready": False, "processes": {}}

    def update(self, **values: Any) -> None:
        """Set values and write the file, readable by its owner alone."""
        self._values.update(values)
        write_private(self._path, json.dumps(self._values, indent=1))

    def process(self, name: str, pid: int | None) -> None:
        """Note that a process started, or (None) that it ended."""
        processes = {key: value for key, value in self._values["processes"].items() if key != name}
        self.update(processes=processes if pid is None else {**processes, name: pid})

    def remove(self) -> None:
        """Delete the file: nothing runs any more."""
        self._path.unlink(missing_ok=True)


def read(folder: Path) -> dict[str, Any]:
    """What `run.json` of a data folder says; empty if there is none (or a damaged one)."""
    try:
        values = json.loads((folder / "run.json").read_text())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _running(folder: Path, owner: int) -> str:
    said = read(folder)
    address = said.get("dashboard_url") or said.get("api_url") or said.get("broker")
    where = f", {address}" if address and said.get("pid") == owner else ""
    return f"streamapp up is running already in {folder} (pid {owner}{where}); stop it with `kill {owner}`"


def _left_over(folder: Path) -> str:
    pids = [str(pid) for pid in read(folder).get("processes", {}).values() if psutil.pid_exists(pid)]
    hint = f"; end them with `kill {' '.join(pids)}`" if pids else ""
    return f"processes of an earlier run still use {folder}{hint}"
