"""How often one caller and one address may ask, and how often one address may fail to say who it is: counted in Redis,
for all APIs.
"""

import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

from aiohttp import web

from streamapp.access.callers import ANYBODY, Caller
from streamapp.errors import StoreUnavailable, TooManyRequests, Unauthorized
from streamapp.web.context import ApiContext

WINDOW_S = 60
#: Nobody mistypes a key more often than this in a minute.
MOST_FAILURES = 60
READS = frozenset({"GET", "HEAD", "OPTIONS"})
#: Here a POST asks; what it changes is counted by itself.
QUESTIONS = frozenset({"/graphql"})
#: Whoever has one IPv6 address has all of this network.
IPV6_PREFIX = 64


class Rule(NamedTuple):
    """What is counted, whose it is, and how much of it there may be in a minute."""

    what: str
    who: str
    limit: int


class Limits:
    """Counts requests in windows of a minute. While Redis is away reads go on, and writes wait for it; where nobody is
    asked who it is, they go on too.
    """

    def __init__(self, context: ApiContext) -> None:
        self._cache = context.cache
        self._of_caller = context.settings.rate_limit
        self._of_address = context.settings.address_limit

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
            failures = await self._cache.tally([_failures_of(request)], WINDOW_S)
            if failures is not None:
                self._see_failures(failures[0] - 1)
            raise
        await self.spend(request, caller, "GET" if request.path in QUESTIONS else request.method)
        return caller

    async def may_guess(self, request: web.Request) -> None:
        """See that an address may name a key that nobody has seen, before it is looked for; raises TooManyRequests."""
        self._see_failures(int(await self._cache.get(_failures_of(request)) or 0))

    async def spend(self, request: web.Request, caller: Caller, method: str) -> None:
        """Count one request of a caller and its address; raises TooManyRequests and StoreUnavailable like `known`."""
        rules = self._rules(caller, address_of(request))
        if not rules:
            return
        asked = await self._cache.tally([_window(rule.what) for rule in rules], WINDOW_S)
        if asked is None:
            if caller is not ANYBODY and method not in READS:
                raise StoreUnavailable("the cache, which counts requests, does not answer; reading goes on", "cache")
            return
        for rule, times in zip(rules, asked, strict=True):
            if times > rule.limit:
                raise _refusal(f"{rule.who} has asked more than {rule.limit} times in this minute")

    def _rules(self, caller: Caller, address: str) -> list[Rule]:
        """What is counted; of callers who need not say who they are only the address."""
        rules = [Rule(f"from:{address}", f"the address {address}", self._of_address)]
        if caller is not ANYBODY:
            rules.append(Rule(f"asked:{caller.name}", caller.name, self._of_caller))
        return [rule for rule in rules if rule.limit]

    def _see_failures(self, before: int) -> None:
        if self._of_caller and before >= MOST_FAILURES:
            raise _refusal("this address has failed too often to say who it is") from None


def address_of(request: web.Request) -> str:
    """Where a request comes from; of IPv6 the network."""
    remote = request.remote or ""
    if ":" not in remote:
        return remote
    found = ip_address(remote.partition("%")[0])
    assert isinstance(found, IPv6Address), "only those have colons"
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(found) if found.is_loopback else str(ip_network((found, IPV6_PREFIX), strict=False))


def _failures_of(request: web.Request) -> str:
    return _window(f"failed:{address_of(request)}")


def _window(what: str) -> str:
    return f"rate:{what}:{int(time.time() // WINDOW_S)}"


def _refusal(why: str) -> TooManyRequests:
    left_s = int(WINDOW_S - time.time() % WINDOW_S) + 1
    return TooManyRequests(f"{why}; again in {left_s} s", left_s)
