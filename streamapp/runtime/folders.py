"""Folders that are whole or not there at all, each written by one process at a time."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".new-"


@contextmanager
def exclusive(parent: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Be the only process that writes folders in `parent`; `waiting` is called once when another one is at it.

    What a process that was killed left unfinished is removed.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with (parent / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in parent.glob(UNFINISHED + "*"):
            shutil.rmtree(left)
        yield


def begin(folder: Path) -> Path:
    """An empty folder to write into what shall become `folder`; call it inside `exclusive`."""
    unfinished = folder.with_name(UNFINISHED + folder.name)
    unfinished.mkdir()
    return unfinished


def finish(unfinished: Path, folder: Path) -> None:
    """Give what was written its name in one step, once it is on the disk; a damaged folder of that name goes."""
    for path in [*unfinished.rglob("*"), unfinished]:
        _sync(path)
    shutil.rmtree(folder, ignore_errors=True)  # a damaged one, or none
    unfinished.rename(folder)
    _sync(folder.parent)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
