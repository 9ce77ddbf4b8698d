"""With whose key the API is asked, and whether visitors have to say who they are."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from dash_ui.client import Api, ApiDown, ApiProblem
from dash_ui.signins import SignIn, SignIns, visiting

#: A key that the API accepted is believed this long.
BELIEVED_S = 10.0
#: While nobody is signed in, the API is asked this often whether it still wants to know who asks.
LOOK_S = 30.0
UNAUTHORIZED, FORBIDDEN, TOO_MANY = 401, 403, 429


class Access:
    """The dashboard's own key, or those of its visitors. `changed` is called when somebody may have to leave.

    `own` is the key that all visitors share. `shut` means that nobody comes in without a key, whatever the API says.
    """

    def __init__(self, own: str = "", shut: bool = False) -> None:
        self.own, self.shut = own, shut
        self.asks: bool | None = None  # whether the API asks who one is; None: nobody knows yet
        self.tried = asyncio.Event()  # the API has been asked once, whatever it answered
        self.changed: Callable[[], None] = lambda: None
        self.signins = SignIns(lambda: self.changed())
        self.guest = SignIn()  # everybody, while nobody has to sign in

    @property
    def needed(self) -> bool:
        """Whether visitors have to sign in."""
        return self.shut or (self.asks is True and not self.own)

    # -- what the client asks and tells ----------------------------------------------------------------
    def key(self) -> str | None:
        """A key for what is asked for all visitors; None where there is none."""
        newest = self.signins.newest()
        return self.own or (newest.key if newest else None)

    def answered(self, key: str | None) -> None:
        """The API has answered a request with this key."""
        self.tried.set()
        if key is None and self.asks is not False:
            self.asks = False
            # Keys that were given are not lent to guests when the API asks again.
            self.signins.clear()
            if self.guest.over.is_set():
                self.guest = SignIn()

    def refused(self, key: str | None) -> None:
        """The API does not know who this is."""
        self.tried.set()
        if key is not None:
            self.signins.refuse(key)
        elif self.asks is not True:
            self.asks = True
            self.guest.end()
            self.changed()

    # -- who may come in -------------------------------------------------------------------------------
    async def visitor(self, api: Api, name: str) -> SignIn | None:
        """Whose browser has this name in its cookie; None: who wants in has to sign in first."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.tried.wait(), 1)
        found = self.signins.find(name)
        if found is not None:
            await self.check(api, found)
            return None if found.over.is_set() else found
        return None if self.needed else self.guest

    async def check(self, api: Api, signin: SignIn) -> None:
        """End a sign-in whose key is good no more. While nobody can know, it is as good as it was."""
        async with signin.checking:
            if signin.key is None or signin.over.is_set() or time.monotonic() - signin.checked < BELIEVED_S:
                return
            try:
                await prove(api, signin.key)
            except ApiProblem as problem:
                if problem.status in (UNAUTHORIZED, FORBIDDEN):
                    self.signins.end(signin)
            except (ApiDown, ValueError, TypeError):
                pass
            signin.checked = time.monotonic()

    # -- for who asks for all visitors -----------------------------------------------------------------
    async def readable(self) -> None:
        """Wait until there is a key, or none is needed. Not for ever: the API may have changed its mind."""
        if self.needed and self.key() is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.signins.some.wait(), LOOK_S)

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[str | None]:
        """The key for all visitors; the block is cut off with a TimeoutError when whose it is has left."""
        signin, loop = SignIn(self.own) if self.own else self.signins.newest() or self.guest, asyncio.get_running_loop()
        async with asyncio.timeout(None) as limit:
            with signin.at_end(lambda: limit.reschedule(loop.time())):
                yield signin.key


async def prove(api: Api, key: str | None) -> None:
    """See that the API lets this key read; raises ApiProblem or ApiDown."""
    await api.of(key).stats("1m")


async def is_asking(api: Api) -> bool:
    """Whether the API asks who one is; raises ApiProblem or ApiDown when it says something else."""
    try:
        await prove(api, None)
    except ApiProblem as problem:
        if problem.status in (UNAUTHORIZED, TOO_MANY):
            return True
        raise
    return False


def mine(api: Api) -> Api:
    """The API as whoever sent the request that is answered now.

    Raises:
        ApiProblem: they have signed out.
    """
    visitor = visiting.get()
    if visitor is not None and visitor.over.is_set():
        raise ApiProblem(UNAUTHORIZED, "Who is asking?", "the sign-in is over", "unauthorized")
    return api if visitor is None or visitor.key is None else api.of(visitor.key)
