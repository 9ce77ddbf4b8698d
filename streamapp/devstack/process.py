"""One child process as a service: started under guard, its output logged, restarted with back-off, stopped in time."""

import asyncio
import signal
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from mode import Service

from streamapp.devstack.child import Child, Command, how
from streamapp.devstack.guarding import Guard
from streamapp.devstack.log import LogBook
from streamapp.devstack.runfile import Lock, RunFile
from streamapp.errors import DevStackError, StreamappError

DEATHS, WITHIN_S = 5, 60.0
BACK_OFF_S = (0.5, 1.0, 2.0, 4.0)
GRACE_S = 2.5
LAST_WORDS_S = 0.5  # how long output is still read after the end, which a grandchild may hold open


@dataclass(frozen=True)
class Surroundings:
    """What every process of a stack shares; `failed` is told what ends the stack, `running` lists the processes."""

    book: LogBook
    guard: Guard
    lock: Lock
    runfile: RunFile
    failed: Callable[[StreamappError], None]
    running: "list[Process]" = field(default_factory=list)


class Process(Service):
    """Runs a `Command` until it is stopped or has come to its good end.

    Attributes:
        done: it has come to its good end.
        after_death: what to do, given its process id, each time that it has died by itself.
        after_restart: what to do each time that it was started again.
        grace_s: how long it may take to stop, in seconds, before SIGKILL.
    """

    def __init__(self, command: Command, shared: Surroundings, **options: Any) -> None:
        super().__init__(**options)
        self.command = command
        self.done = asyncio.Event()
        self.after_death: Callable[[int], Awaitable[None]] | None = None
        self.after_restart: Callable[[], Awaitable[None]] | None = None
        self.grace_s = GRACE_S
        self._shared = shared
        self._child: Child | None = None
        self._listener: asyncio.Task[None] | None = None
        self._deaths: deque[float] = deque(maxlen=DEATHS)
        self._last_line = ""
        self._final = False

    async def on_start(self) -> None:
        """Start the first child."""
        self._shared.running.append(self)
        self._spawn()

    async def on_stop(self) -> None:
        """End the child: its stop signal, the grace, SIGKILL."""
        if self._child is not None:
            self._child.signal(self.command.stop_signal)
            if not await _ends(self._child, self.grace_s):
                self._shared.book.say(f"{self.command.name} did not stop within {self.grace_s:.1f} s: killed")
                self.kill()
                await _ends(self._child, LAST_WORDS_S)
            await self._last_words()
            self._forget(self._child)
        self._shared.running.remove(self)

    async def crash(self, reason: BaseException) -> None:
        """What this service cannot do (start a child, for example) is the stack's failure."""
        self._shared.failed(DevStackError(f"{self.command.name}: {reason}"))

    def kill(self) -> None:
        """End the child and its process group at once, for good."""
        self.retire()
        self.signal(signal.SIGKILL)

    def retire(self) -> None:
        """From now on a death is no reason to start again."""
        self._final = True

    def signal(self, number: int) -> None:
        """Send a signal to the child and its process group, if there is one."""
        if self._child is not None:
            self._child.signal(number)

    @Service.task
    async def _supervise(self) -> None:
        while (child := self._child) is not None:
            status = await asyncio.shield(child.exited)
            await self._last_words()
            if self.should_stop or self._final:
                return
            self._forget(child)
            if self.after_death is not None:
                await self.after_death(child.pid)
            if not await self._goes_on(status):
                return
            self._spawn()
            if self.after_restart is not None:
                self.add_future(self.after_restart())

    async def _last_words(self) -> None:
        if self._listener is not None:
            await asyncio.wait((self._listener,), timeout=LAST_WORDS_S)
            self._listener.cancel()

    async def _listen(self, child: Child) -> None:
        async for line in child.lines():
            self._last_line = line or self._last_line
            self._shared.book.write(self.command.name, line, quiet=self.command.quiet)

    async def _goes_on(self, status: int) -> bool:
        """After a death: whether to start again, once the pause is over."""
        if self.command.finishes and status == 0:
            self._shared.book.write(self.command.name, "done", quiet=self.command.quiet)
            self.done.set()
            return False
        self._deaths.append(time.monotonic())
        recent = sum(died > time.monotonic() - WITHIN_S for died in self._deaths)
        if not self.command.restarts or recent == DEATHS:
            self._give_up(self._failure(status))
            return False
        pause = BACK_OFF_S[recent - 1]
        self._shared.book.say(f"{self.command.name} ended ({how(status)}); starting it again in {pause:g} s")
        await self.sleep(pause)
        return not (self.should_stop or self._final)

    def _give_up(self, failure: DevStackError) -> None:
        if self.command.essential:
            self._shared.failed(failure)
        else:
            self._shared.book.say(f"{failure}; the rest goes on without it")

    def _failure(self, status: int) -> DevStackError:
        name = self.command.name
        what = f"{name} ended {DEATHS} times within {WITHIN_S:g} s" if self.command.restarts else f"{name} failed"
        words = f"; its last line: {self._last_line}" if self._last_line else ""
        return DevStackError(f"{what} ({how(status)}){words}; see {self._shared.book.path(name)}")

    def _spawn(self) -> None:
        child = Child(self.command, self._shared.lock.fileno())
        self._child = child
        self._listener = asyncio.create_task(self._listen(child))
        self._shared.guard.add(child.pid, self.command.stop_signal)
        self._note(child.pid)
        child.go()

    def _forget(self, child: Child) -> None:
        """The child is gone; what it left in its process group goes too."""
        child.signal(signal.SIGKILL)
        self._child = None
        self._shared.guard.forget(child.pid)
        self._note(None)

    def _note(self, pid: int | None) -> None:
        try:
            self._shared.runfile.process(self.command.name, pid)
        except OSError as error:  # a full disk must not keep anything from stopping
            self._shared.book.say(f"run.json cannot be written: {error.strerror}")


async def _ends(child: Child, wait_s: float) -> bool:
    done, _ = await asyncio.wait((child.exited,), timeout=wait_s)
    return bool(done)
