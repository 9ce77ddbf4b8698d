"""The lane: one model at a time uses the cores of this host, first come, first served, so that times compare.

It is crash-safe (the kernel frees the place of a dead process) and bounded: after `wait_s` a model runs anyway. Where
the kernel has no open file locks (not Linux), `flock` stands in: it excludes as well, but nobody keeps the order.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from streamapp.errors import ModelError
from streamapp.runtime import tickets
from streamapp.runtime.tickets import Ticket

State = Literal["held", "bypassed", "off"]
FLOCK_PAUSE_S = 0.0005


@dataclass(frozen=True)
class Turn:
    """A model's turn: how long it waited, and whether it had the cores to itself."""

    waited_ms: float
    state: State


class NoLane:
    """The lane when it is switched off: every turn begins at once."""

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """A turn without waiting, state "off"."""
        yield Turn(0.0, "off")


class Lane:
    """A handle on the lane at `path`, a file that every process of the host names alike.

    A place that outlasted a wait of `wait_s` seconds belongs to somebody who is stuck: this handle does not wait for
    that place again. Until it is free, turns are "bypassed", for the stuck one may go on at any moment.

    Raises:
        ModelError: the file cannot be made or opened.
    """

    def __init__(self, path: Path, wait_s: float) -> None:
        self.path = path
        self.wait_s = wait_s
        self._stuck: frozenset[int] = frozenset()
        self._gate_stuck = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        except OSError as error:
            raise ModelError(
                f"the lane cannot use {path}: {error.strerror}; STREAMAPP_LANE=false does without"
            ) from error

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Wait for the lane and hold it; `state` is "held", or "bypassed" when somebody else may be running too."""
        start = time.monotonic()
        queue = self._queue if tickets.AVAILABLE else self._flock
        with queue(start + self.wait_s) as alone:
            yield Turn((time.monotonic() - start) * 1000, "held" if alone else "bypassed")

    @contextmanager
    def _queue(self, deadline: float) -> Iterator[bool]:
        """A place in the queue until its turn, and during it; the value says whether the lane is ours alone."""
        ticket = Ticket.take(self.path, 0 if self._gate_stuck else deadline)
        self._gate_stuck = ticket is None
        if ticket is None:
            yield False
            return
        try:
            yield self._wait(ticket, deadline)
        finally:
            # Also a bypassing model keeps its place while it runs, so that the others do not run beside it.
            ticket.leave()

    def _wait(self, ticket: Ticket, deadline: float) -> bool:
        while (earlier := frozenset(ticket.before())) - self._stuck:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            ticket.wait(left)
        self._stuck = earlier
        return not earlier

    @contextmanager
    def _flock(self, deadline: float) -> Iterator[bool]:
        with self.path.open("r+b") as file:
            alone = _try_flock(file.fileno())
            while not alone and time.monotonic() < deadline:
                time.sleep(FLOCK_PAUSE_S)
                alone = _try_flock(file.fileno())
            yield alone


def _try_flock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
