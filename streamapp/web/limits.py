"""How often one caller may ask, and how often one address may fail to say who it is: counted in Redis, for all APIs."""

import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from streamapp.access.callers import Caller
from streamapp.errors import StoreUnavailable, TooManyRequests, Unauthorized
from streamapp.web.context import ApiContext

WINDOW_S = 60
#: Nobody mistypes a key more often than this in a minute.
MOST_FAILURES = 60
READS = frozenset({"GET", "HEAD", "OPTIONS"})
#: Here a POST asks; what it changes is counted by itself.
QUESTIONS = frozenset({"/graphql"})


class Limits:
    """Counts requests in windows of a minute. While Redis is away reads go on, and writes wait for it."""

    def __init__(self, context: ApiContext) -> None:
        self._cache = context.cache
        self._limit = context.settings.rate_limit

    async def known(self, request: web.Request, find: Callable[[], Awaitable[Caller]]) -> Caller:
        """The caller, who has not asked too often.

        Raises:
            Unauthorized: nobody knows who it is.
            TooManyRequests: it has asked, or failed to say who it is, too often.
            StoreUnavailable: it wants to write, and nobody knows how often it has.
        """
        try:
            caller = await find()
        except Unauthorized:
            failures = await self._count(f"failed:{request.remote}")
            if self._limit and failures is not None and failures > MOST_FAILURES:
                raise self._refusal("this address has failed too often to say who it is") from None
            raise
        await self.spend(caller, "GET" if request.path in QUESTIONS else request.method)
        return caller

    async def spend(self, caller: Caller, method: str) -> None:
        """Count one request of a caller; raises TooManyRequests and StoreUnavailable as `known` does."""
        if not self._limit:
            return
        asked = await self._count(f"asked:{caller.name}")
        if asked is None and method not in READS:
            raise StoreUnavailable("the cache, which counts requests, does not answer; reading goes on", "cache")
        if asked is not None and asked > self._limit:
            raise self._refusal(f"{caller.name} has asked more than {self._limit} times in this minute")

    async def _count(self, what: str) -> int | None:
        return await self._cache.tally(f"rate:{what}:{int(time.time() // WINDOW_S)}", WINDOW_S)

    def _refusal(self, why: str) -> TooManyRequests:
        left_s = int(WINDOW_S - time.time() % WINDOW_S) + 1
        return TooManyRequests(f"{why}; again in {left_s} s", left_s)
