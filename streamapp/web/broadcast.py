"""Events for many readers: each has a bounded queue, and who is too slow is dropped, not waited for."""

import asyncio
from typing import NamedTuple

#: Events that a reader may be behind.
QUEUE_EVENTS = 256


class Event(NamedTuple):
    """A server-sent event: its name, and its data as JSON."""

    name: str
    data: bytes


class Subscription:
    """One reader's events, an async iterator; it ends when the reader is dropped or the server stops."""

    def __init__(self, broadcast: "Broadcast") -> None:
        self._broadcast = broadcast
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUE_EVENTS)
        self.dropped = False

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Event:
        event = await self._queue.get()
        if event is None:
            raise StopAsyncIteration
        return event

    def offer(self, event: Event) -> None:
        """Queue an event; a reader without room for it is dropped."""
        if self._queue.full():
            self.dropped = True
            self.end()
        else:
            self._queue.put_nowait(event)

    def end(self) -> None:
        """No further events; what waits is forgotten."""
        self._broadcast.forget(self)
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)


class Broadcast:
    """Hands each event to every reader."""

    def __init__(self) -> None:
        self._readers: set[Subscription] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._readers)

    def subscribe(self) -> Subscription:
        """A new reader, from now on."""
        subscription = Subscription(self)
        self._readers.add(subscription)
        if self._closed:
            subscription.end()
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """This reader has gone."""
        self._readers.discard(subscription)

    def send(self, event: Event) -> None:
        """To everybody, without waiting for anybody."""
        for reader in list(self._readers):
            reader.offer(event)

    def close(self) -> None:
        """End every reader, now and later: the server stops."""
        self._closed = True
        for reader in list(self._readers):
            reader.end()
