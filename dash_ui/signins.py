"""Who is signed in: the keys that visitors gave, in memory, by a random name that is all their browsers know."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from secrets import token_urlsafe

NAME_BYTES = 32
#: One that nobody uses for this long is over; so is the one that was not used for longest when there are too many.
IDLE_S = 12 * 3600.0
MOST = 1000


class SignIn:
    """A visitor and the key to ask the API with; None: the dashboard's own, or none. It is good until it is `over`."""

    def __init__(self, key: str | None = None) -> None:
        self.key = key
        self.used = self.checked = time.monotonic()
        self.checking = asyncio.Lock()
        self.over = asyncio.Event()
        self._farewells: set[Callable[[], None]] = set()

    def end(self) -> None:
        """It is worth nothing any more; who uses it is told."""
        self.over.set()
        for farewell in list(self._farewells):
            farewell()

    @contextmanager
    def at_end(self, farewell: Callable[[], None]) -> Iterator[None]:
        """Call `farewell` when this ends within the block."""
        self._farewells.add(farewell)
        try:
            yield
        finally:
            self._farewells.discard(farewell)


#: Whose request is answered now; None where nobody came by the door.
visiting: ContextVar[SignIn | None] = ContextVar("visiting", default=None)


class SignIns:
    """Every sign-in by its name. `changed` is called after one has ended."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.some = asyncio.Event()
        self._changed = changed
        self._all: OrderedDict[str, SignIn] = OrderedDict()

    def add(self, key: str) -> str:
        """Sign a visitor in; the name of the sign-in: 256 random bits."""
        while len(self._all) >= MOST:
            self.end(next(iter(self._all.values())))
        name = token_urlsafe(NAME_BYTES)
        self._all[name] = SignIn(key)
        self.some.set()
        return name

    def find(self, name: str) -> SignIn | None:
        """The sign-in of this name, which is used now."""
        found = self._all.get(name)
        if found is None:
            return None
        now = time.monotonic()
        if now - found.used > IDLE_S:
            self.end(found)
            return None
        found.used = now
        self._all.move_to_end(name)
        return found

    def newest(self) -> SignIn | None:
        """The one that was used last."""
        return next(reversed(self._all.values()), None)

    def end(self, signin: SignIn) -> None:
        """End one."""
        self._end(lambda each: each is signin)

    def refuse(self, key: str) -> None:
        """End those with a key that is worth nothing any more."""
        self._end(lambda each: each.key == key)

    def clear(self) -> None:
        """End all."""
        self._end(lambda _: True)

    def _end(self, which: Callable[[SignIn], bool]) -> None:
        ended = {name: signin for name, signin in self._all.items() if which(signin)}
        for name, signin in ended.items():
            del self._all[name]
            signin.end()
        if not self._all:
            self.some.clear()
        if ended:
            self._changed()
