"""Random faults on the processes of a running platform: one after the other is killed, told to stop, or frozen."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal, NoReturn

from benchmarks.target import Target

EVERY_S = 20.0
SHORTEST_S, LONGEST_S = 3.0, 15.0
Kind = Literal["kill", "stop", "freeze"]
#: `streamapp up` itself, which starts again what ends, and what no image goes through.
SPARED = frozenset({"up", "dashboard", "producer"})
#: The embedded broker loses what it has acknowledged when it ends under load, as docs/reliability.md says.
FROZEN_ONLY = frozenset({"kafka"})
#: To PostgreSQL SIGTERM means to wait until everybody has gone.
STOP = {"postgres": signal.SIGINT}


@dataclass(frozen=True)
class Fault:
    """What was done: to which process, when (since the beginning), and for how long where it has an end."""

    process: str
    kind: Kind
    second: float
    lasted_s: float = 0.0


class Faults:
    """Does one fault every `EVERY_S` seconds, the same ones in the same order for the same seed."""

    def __init__(self, place: Target, seed: int) -> None:
        self._place = place
        self._chance = random.Random(seed)
        self._began = time.monotonic()
        self.done: list[Fault] = []

    async def run(self) -> NoReturn:
        """Go on until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            running = self._place.processes()
            victim = self._chance.choice(sorted(running.keys() - SPARED))
            kinds: list[Kind] = ["freeze"] if victim in FROZEN_ONLY else ["kill", "stop", "freeze"]
            await self._do(victim, running[victim], self._chance.choice(kinds))

    async def _do(self, process: str, group: int, kind: Kind) -> None:
        second, seconds = time.monotonic() - self._began, 0.0
        if kind == "freeze":
            seconds = self._chance.uniform(SHORTEST_S, LONGEST_S)
            with frozen(group):
                await asyncio.sleep(seconds)
        else:
            number = signal.SIGKILL if kind == "kill" else STOP.get(process, signal.SIGTERM)
            send(group, number)
        self.done.append(Fault(process, kind, second, seconds))


@contextmanager
def frozen(group: int) -> Iterator[None]:
    """A process group that stands still until the end of the block."""
    send(group, signal.SIGSTOP)
    try:
        yield
    finally:
        send(group, signal.SIGCONT)


def send(group: int, number: int) -> None:
    """Send a signal to a process group, which may be gone."""
    with suppress(ProcessLookupError):
        os.killpg(group, number)
