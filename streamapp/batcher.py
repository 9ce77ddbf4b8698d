"""Gathers single events into batches, and holds only so many of them."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Generic, Protocol, TypeVar


class Weighted(Protocol):
    """Something that takes room."""

    @property
    def weight(self) -> int:
        """How many rows' room it takes, at least 1."""


ItemT = TypeVar("ItemT", bound=Weighted)


class Batcher(Generic[ItemT]):
    """A queue whose items leave in batches, in the order in which they came.

    A batch leaves when it is full, or `wait_s` after the one before it: a single item on a quiet day does not wait,
    and on a busy one there are at most `1 / wait_s` batches a second that are not full.

    Args:
        size: weight of a full batch.
        wait_s: longest time that an item waits for others, in seconds.
        batches: full batches that are held at most, those that have left and are not released among them.
    """

    def __init__(self, size: int, wait_s: float, batches: int = 2) -> None:
        self._size = size
        self._wait_s = wait_s
        self._limit = size * batches
        self._waiting: deque[ItemT] = deque()
        self._waiting_weight = 0
        self._left_at = 0.0
        self._closed = False
        self._room, self._arrived, self._full = asyncio.Event(), asyncio.Event(), asyncio.Event()
        #: Weight of the items that were put and not released.
        self.held = 0

    async def put(self, item: ItemT) -> None:
        """Add an item; waits while there is no room for it, and for ever once the batcher is closed."""
        while self._closed or self.held + min(item.weight, self._size) > self._limit:
            self._room.clear()
            await self._room.wait()
        self.held += item.weight
        self._waiting_weight += item.weight
        self._waiting.append(item)
        self._signal()

    async def next(self) -> list[ItemT]:
        """Wait for the next batch; an empty one says that the batcher is closed and nothing is left."""
        await self._arrived.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._left_at + self._wait_s):
                await self._full.wait()
        self._left_at = asyncio.get_running_loop().time()
        batch: list[ItemT] = []
        weight = 0
        while self._waiting and (not batch or weight + self._waiting[0].weight <= self._size):
            batch.append(self._waiting.popleft())
            weight += batch[-1].weight
        self._waiting_weight -= weight
        self._signal()
        return batch

    def release(self, batch: list[ItemT]) -> None:
        """Make room: these items are done."""
        self.held -= sum(item.weight for item in batch)
        self._room.set()

    def close(self) -> None:
        """Take nothing more; what is waiting leaves at once."""
        self._closed = True
        self._signal()

    def _signal(self) -> None:
        _set(self._arrived, self._closed or bool(self._waiting))
        _set(self._full, self._closed or self._waiting_weight >= self._size)


def _set(event: asyncio.Event, to: bool) -> None:
    if to:
        event.set()
    else:
        event.clear()
