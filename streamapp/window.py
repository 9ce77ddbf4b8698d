"""Works on several events at once, and acknowledges them strictly in the order in which they arrived."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

from faust.types import EventT

log = logging.getLogger(__name__)


class Window:
    """A bounded set of events in flight.

    Faust commits the highest acknowledged offset, so an acknowledgement out of order would commit over an event that
    is not done. Here an event is acknowledged only when it and all before it are done.

    Args:
        size: events in flight at most; the stream waits while the window is full.
        body: does one event completely. It must not raise: what it raises is a defect, handed to `on_defect`, and
            the event is never acknowledged, so that it is done again after the restart.
        on_defect: called with what `body` raised.
    """

    def __init__(
        self,
        size: int,
        body: Callable[[EventT], Awaitable[None]],
        on_defect: Callable[[BaseException], Awaitable[None]],
    ) -> None:
        self._slots = asyncio.Semaphore(size)
        self._body = body
        self._on_defect = on_defect
        self._flight: deque[tuple[EventT, asyncio.Task[None]]] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    def __len__(self) -> int:
        """Events in flight."""
        return len(self._flight)

    async def run(self, events: AsyncIterator[EventT]) -> None:
        """Take events until the stream ends."""
        async for event in events:
            await self._slots.acquire()
            if self._closed:
                return
            task = asyncio.create_task(self._guarded(event))
            self._flight.append((event, task))
            self._idle.clear()
            task.add_done_callback(self._settle)

    async def drain(self, timeout_s: float) -> bool:
        """Take nothing more and wait until everything in flight is acknowledged; false when time ran out."""
        self._closed = True
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            log.warning("%d images were not finished in time; they will be done again", len(self._flight))
            return False
        return True

    async def _guarded(self, event: EventT) -> None:
        try:
            await self._body(event)
        except Exception as error:
            log.exception("A defect: the body of an agent raised")
            await self._on_defect(error)
            raise

    def _settle(self, _: asyncio.Task[None]) -> None:
        """Acknowledge the finished events at the head of the window."""
        while self._flight and self._flight[0][1].done():
            event, task = self._flight[0]
            if task.cancelled() or task.exception() is not None:
                return
            self._flight.popleft()
            event.ack()
            self._slots.release()
        if not self._flight:
            self._idle.set()
