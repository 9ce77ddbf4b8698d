"""Events for many readers: each has a bounded queue, and who is too slow is dropped, not waited for."""

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from uuid import uuid4

#: Events that a reader may be behind.
QUEUE_EVENTS = 256
#: Events that a reader who comes back may have missed; some 2 kB each.
KEPT_EVENTS = 1_000


@dataclass(frozen=True)
class Event:
    """A server-sent event: its name, its data as JSON, and its id unless it is not worth to be sent again."""

    name: str
    data: bytes
    id: str = ""

    @cached_property
    def wire(self) -> bytes:
        """On the wire, the same for every reader; JSON as we write it has no line breaks."""
        numbered = b"id: " + self.id.encode() + b"\n" if self.id else b""
        return numbered + b"event: " + self.name.encode() + b"\ndata: " + self.data + b"\n\n"


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

    def waiting(self) -> list[Event]:
        """What there is now, without waiting for it."""
        events: list[Event] = []
        while not self._queue.empty():
            event = self._queue.get_nowait()
            if event is None:  # the end, which is for the iterator
                self._queue.put_nowait(None)
                break
            events.append(event)
        return events

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
    """Hands each event to every reader, and remembers the newest ones for those who come back."""

    def __init__(self) -> None:
        self._readers: set[Subscription] = set()
        self._kept: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._series, self._number = uuid4().hex[:8], 0  # ids of another process are not ours
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

    def missed(self, last_id: str) -> list[Event] | None:
        """The events after the one with this id; None where that is not known any more, or never was."""
        series, _, text = last_id.partition("-")
        known = series == self._series and text.isascii() and text.isdigit() and len(text) < 20
        behind = self._number - int(text) if known else -1
        return list(self._kept)[len(self._kept) - behind :] if 0 <= behind <= len(self._kept) else None

    def forget(self, subscription: Subscription) -> None:
        """This reader has gone."""
        self._readers.discard(subscription)

    def keep(self, name: str, data: bytes) -> None:
        """Send an event that must not be missed: it gets an id, and is kept for readers who come back."""
        self._number += 1
        event = Event(name, data, f"{self._series}-{self._number}")
        self._kept.append(event)
        self.send(event)

    def send(self, event: Event) -> None:
        """To everybody, without waiting for anybody."""
        for reader in list(self._readers):
            reader.offer(event)

    def close(self) -> None:
        """End every reader, now and later: the server stops."""
        self._closed = True
        for reader in list(self._readers):
            reader.end()
