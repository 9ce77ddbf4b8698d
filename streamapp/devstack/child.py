"""A child process: what to run, and one running instance with its output and its end."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

# The child waits for a line before it becomes its program, so that it is under guard first; if the parent dies in
# between, the line never comes and the child ends.
GATE = 'read -r go && exec "$@"'
CHUNK = 64 * 1024


@dataclass(frozen=True)
class Account:
    """The user that a process runs as, where that is another one than ours."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    """What to run.

    Attributes:
        name: its name in the log and in run.json.
        argv: program and arguments.
        environ: its whole environment.
        tier: what has a higher tier is stopped first; what shares a tier is stopped together.
        stop_signal: what ends it in order.
        account: the user it runs as; None: ours.
        stdin: what it reads, at most a pipe's buffer (64 KiB).
        finishes: exit status 0 is its good end, not a death.
        restarts: it is started again after a death, but not for ever; otherwise its first death is its last.
        essential: its last death is the stack's; otherwise the stack goes on without it.
        quiet: its lines go to its file only.
    """

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    tier: int = 0
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None
    stdin: bytes = b""
    finishes: bool = False
    restarts: bool = True
    essential: bool = True
    quiet: bool = False


class Child:
    """A process in a session of its own, waiting at the gate until `go()`."""

    def __init__(self, command: Command, inherited: int) -> None:
        account: dict[str, Any] = {}
        if command.account is not None:
            account = {"user": command.account.uid, "group": command.account.gid, "extra_groups": []}
        self._command = command
        self._process = subprocess.Popen(
            ("/bin/sh", "-c", GATE, command.name, *command.argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=command.environ,
            start_new_session=True,
            pass_fds=(inherited,),
            bufsize=0,
            **account,
        )
        self.pid = self._process.pid
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = loop.create_future()
        threading.Thread(target=self._wait, args=(loop,), daemon=True, name=f"wait-{command.name}").start()

    def go(self) -> None:
        """Let it run."""
        assert self._process.stdin is not None, "a pipe"
        with suppress(BrokenPipeError):  # it was ended at the gate; its exit status says so
            self._process.stdin.write(b"go\n" + self._command.stdin)
        self._process.stdin.close()

    def signal(self, number: int) -> None:
        """Send a signal to its process group, which may be gone."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def lines(self) -> AsyncIterator[str]:
        """Its output, line by line, however long; of a line redrawn by carriage returns, the last state."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), self._process.stdout)
        try:
            rest = b""
            while chunk := await reader.read(CHUNK):
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    yield _text(line)
            if rest:
                yield _text(rest)
        finally:
            transport.close()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        status = self._process.wait()
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(self._ended, status)

    def _ended(self, status: int) -> None:
        if not self.exited.done():
            self.exited.set_result(status)


def how(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    known = -status in set(signal.Signals)
    return f"killed by {signal.Signals(-status).name if known else f'signal {-status}'}"


def python(*arguments: str) -> tuple[str, ...]:
    """The command line of a Python program in this environment."""
    return (sys.executable, *arguments)


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace").rstrip()
