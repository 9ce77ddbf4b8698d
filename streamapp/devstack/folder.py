"""The data folder: made, and seen to be usable, before anything starts in it."""

import os
import shutil
from pathlib import Path

from streamapp.errors import DevStackError

ROOM_BYTES = 300 * 1024 * 1024
ANOTHER = "set STREAMAPP_DATA_DIR to another folder"


def prepare(data_dir: Path) -> None:
    """Make the data folder and see that it can be used.

    Raises:
        DevStackError: it cannot be written, or the disk is full.
    """
    try:
        data_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        private(data_dir / "log")
        free = shutil.disk_usage(data_dir).free
    except OSError as error:
        raise DevStackError(f"{data_dir} cannot be used: {error.strerror}; {ANOTHER}") from None
    if not _writable(data_dir):
        raise DevStackError(f"{data_dir} cannot be written by this user; {ANOTHER}")
    if free < ROOM_BYTES:
        raise DevStackError(f"{free >> 20} MB are free for {data_dir} and {ROOM_BYTES >> 20} MB are needed; {ANOTHER}")


def private(path: Path) -> Path:
    """A folder for its owner alone, made if it is not there.

    Raises:
        DevStackError: it is there and belongs to somebody else.
    """
    path.mkdir(mode=0o700, exist_ok=True)
    if not _writable(path):
        owner = path.stat().st_uid
        raise DevStackError(f"{path} belongs to user {owner} (made as root?); delete it as that user, or {ANOTHER}")
    return path


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK | os.X_OK)
