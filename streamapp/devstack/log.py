"""One merged log: `HH:MM:SS name | line` on the console with a colour per process, and a file per process."""

import logging
import os
import sys
import time
from pathlib import Path
from typing import TextIO

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
WIDTH = 14
# Said on every start, and of no use to a person: the embedded broker's program on an older C library (it works), the
# cache's advice for saving (it saves nothing), PostgreSQL's answer to being asked too early.
NOISE = ("weak version `GLIBC_", "WARNING Memory overcommit", "FATAL:  the database system is starting up")


class LogBook:
    """Where every line of every process goes."""

    def __init__(self, folder: Path, console: TextIO = sys.stdout, colour: bool | None = None) -> None:
        self._folder = folder
        self._console: TextIO | None = console
        self._colour = _wants_colour(console) if colour is None else colour
        self._files: dict[str, TextIO | None] = {}

    def say(self, text: str) -> None:
        """A line of `up` itself."""
        self.write("up", text)

    def write(self, name: str, line: str, quiet: bool = False) -> None:
        """One line of the process `name`; a quiet one goes to its file only."""
        if any(noise in line for noise in NOISE):
            return
        clock = time.strftime("%H:%M:%S")
        if not quiet:
            self._print(f"{clock} {self._painted(name)} | {line}")
        self._save(name, f"{clock} {line}\n")

    def path(self, name: str) -> Path:
        """The file that keeps the lines of `name`."""
        return self._folder / f"{name}.log"

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            if file is not None:
                file.close()
        self._files.clear()

    def _painted(self, name: str) -> str:
        padded = f"{name:<{WIDTH}}"
        if not self._colour:
            return padded
        names = list(self._files)
        place = names.index(name) if name in names else len(names)
        return f"\x1b[{COLOURS[place % len(COLOURS)]}m{padded}\x1b[0m"

    def _print(self, text: str) -> None:
        if self._console is None:
            return
        try:
            self._console.write(text + "\n")
            self._console.flush()
        except (OSError, ValueError):  # its reader, its terminal or the room on its disk is gone; the files go on
            self._console = None

    def _save(self, name: str, text: str) -> None:
        try:
            if name not in self._files:
                self._files[name] = self.path(name).open("w", buffering=1)
            file = self._files[name]
            if file is not None:
                file.write(text)
        except OSError as error:
            self._files[name] = None
            self._print(f"{self.path(name)} cannot be written ({error.strerror}); its lines are on the console only")


class LibraryLog(logging.Handler):
    """Brings what libraries log in this process into the book."""

    def __init__(self, book: LogBook) -> None:
        super().__init__(logging.ERROR)
        self._book = book

    def emit(self, record: logging.LogRecord) -> None:
        """One line per record, without its traceback."""
        self._book.say(f"{record.name}: {record.getMessage()}")


def _wants_colour(console: TextIO) -> bool:
    return console.isatty() and "NO_COLOR" not in os.environ
