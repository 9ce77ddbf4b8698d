"""Workers as processes of their own: started, looked at, told to stop, killed."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession

from streamapp.evict import evict
from streamapp.settings import Settings
from tests.support.stack import ROOT, clean_environ

WORKER = ("-m", "streamapp", "worker")


@dataclass
class Worker:
    """One worker."""

    settings: Settings
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def role(self) -> str:
        """What it does."""
        return self.settings.roles

    @property
    def url(self) -> str:
        """Where its web server is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process.poll() is None

    def output(self) -> str:
        """What it has printed, and those before it that had the same log."""
        return self.log.read_text(errors="replace")

    async def ready(self, wait_s: float = 60) -> None:
        """Return when `/readyz` says 200."""
        deadline, said = time.monotonic() + wait_s, "it does not answer"
        async with ClientSession() as http:
            while True:
                assert self.alive, self.output()[-4000:]
                with suppress(ClientError, OSError):
                    async with http.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                        said = await answer.text()
                assert time.monotonic() < deadline, f"{self.role} is not ready: {said}\n{self.output()[-4000:]}"
                await asyncio.sleep(0.1)

    async def metrics(self) -> str:
        """Its `/metrics`."""
        async with ClientSession() as http, http.get(f"{self.url}/metrics") as answer:
            return await answer.text()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    async def kill_and_evict(self) -> None:
        """kill -9; and out of the group, since the embedded broker would wait for it for ever."""
        self.kill()
        await evict(self.settings, self.role, self.process.pid)

    def stop(self, wait_s: float = 30) -> float:
        """SIGTERM; the seconds that it took to end."""
        started = time.monotonic()
        self.signal(signal.SIGTERM)
        self.process.wait(wait_s)
        return time.monotonic() - started


def launch(
    settings: Settings,
    log: Path,
    folder: Path,
    program: tuple[str, ...] = WORKER,
    environ: Mapping[str, str] | None = None,
    **options: Any,
) -> Worker:
    """Start a worker with these settings on a free port; its output is added to `log`. `options` are Popen's."""
    port = settings.web_port or free_port()
    settings = settings.model_copy(update={"web_port": port})
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *program],
            cwd=folder,
            env=clean_environ({"PYTHONPATH": str(ROOT), **(environ or {}), **settings.environ()}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **options,
        )
    return Worker(settings, process, port, log)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
