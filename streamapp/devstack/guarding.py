"""The parent's end of the guard process (`guard.py`)."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

GRACE_S = 4.0
PROGRAM = Path(__file__).with_name("guard.py")


class Guard:
    """Told of every process group, so that none outlives this process by more than `grace_s` seconds."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self._grace_s = grace_s
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: dict[int, int] = {}

    @property
    def groups(self) -> Mapping[int, int]:
        """The process groups under guard, with the signal that ends each."""
        return MappingProxyType(self._groups)

    def start(self) -> None:
        """Start the guard in a session of its own, out of a terminal's reach."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(PROGRAM), str(self._grace_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            bufsize=0,
        )

    def add(self, group: int, number: int) -> None:
        """Put a process group under guard; `number` is the signal that ends it."""
        self._groups[group] = number
        self._tell(f"+{group} {number}\n")

    def forget(self, group: int) -> None:
        """The process group has ended."""
        self._groups.pop(group, None)
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """Let the guard end what is left, and wait for it."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process = None

    def _tell(self, line: str) -> None:
        try:
            self._send(line)
        except BrokenPipeError:  # somebody killed the guard: a new one learns all of it
            self.close()
            self.start()
            for group, number in self._groups.items():
                self._send(f"+{group} {number}\n")

    def _send(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(line.encode())
