"""Which workers there are: each says in the cache that it lives, and is forgotten when it does not any more."""

import os
import socket
from contextlib import AsyncExitStack

from pydantic import AwareDatetime

from streamapp.records import Record, now
from streamapp.roles.shared import Shared
from streamapp.storage.cache import Cache
from streamapp.stream import StreamApp

SAY_S = 15.0
#: A worker that has said nothing for so long is gone.
FORGET_S = 40.0
PREFIX = "worker:"


class Present(Record):
    """A worker of a role, as it has said it last."""

    role: str
    worker: str
    started_at: AwareDatetime
    timestamp: AwareDatetime

    @property
    def uptime_s(self) -> float:
        """How long it was there when it said so."""
        return (self.timestamp - self.started_at).total_seconds()


def register(app: StreamApp, shared: Shared) -> None:
    """Let the worker of this role say that it is there, from its start on."""
    presence = Presence(app.role)

    async def open_cache(stack: AsyncExitStack) -> None:
        presence.cache = await shared.cache(stack)

    app.openers.append(open_cache)
    app.task(presence.say)
    app.timer(SAY_S, on_leader=False)(presence.say)


class Presence:
    """One worker of one role."""

    def __init__(self, role: str, worker: str = "") -> None:
        self.cache: Cache
        self._role = role
        self._worker = worker or f"{socket.gethostname()}:{os.getpid()}"
        self._started_at = now()

    async def say(self) -> None:
        """Say it now; without a cache nobody hears it."""
        present = Present(role=self._role, worker=self._worker, started_at=self._started_at, timestamp=now())
        await self.cache.put(f"{PREFIX}{self._role}:{self._worker}", present.encode(), FORGET_S)


async def present(cache: Cache) -> list[Present]:
    """Every worker that is there, by role; nobody where the cache is away."""
    found = [Present.decode(value) for value in await cache.values(PREFIX)]
    return sorted(found, key=lambda one: (one.role, one.started_at))
