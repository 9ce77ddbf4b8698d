"""The cache (Redis protocol). It may be down: then nothing is found in it, and nothing waits for it."""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from streamapp.errors import SettingsError, StoreUnavailable
from streamapp.storage.urls import masked

log = logging.getLogger(__name__)

TIMEOUT_S = 0.25
#: After a failure the cache is left alone this long, so that a server that hangs costs one wait a second, not many.
REST_S = 1.0
LOG_EVERY_S = 60.0


class CacheFigures(NamedTuple):
    """What the server has counted since it was started, and the memory that it takes."""

    hits: int
    misses: int
    bytes: int


class Cache:
    """Gets and puts bytes; fails open. `async with Cache.connect(url) as cache`."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = masked(url)
        self._rests_until = 0.0
        self._silent_until = 0.0
        #: Calls that the server did not answer; calls that were not even tried are not counted.
        self.failures = 0

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str) -> AsyncIterator[Self]:
        """A cache that connects when it is first used, and is closed at the end.

        Raises:
            SettingsError: the URL is none of a Redis server.
        """
        try:
            client = Redis.from_url(
                url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
            )
        except ValueError:
            raise SettingsError("STREAMAPP_REDIS_URL is not redis(s)://user:password@host:port/number") from None
        try:
            yield cls(client, url)
        finally:
            await client.aclose()

    async def ping(self) -> None:
        """Ask the server for an answer.

        Raises:
            StoreUnavailable: it does not answer or refuses the password.
        """
        try:
            await self._client.ping()
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"the cache at {self._url} does not answer: {error}", "cache") from error

    async def get(self, key: str) -> bytes | None:
        """The value; None when there is none or the server is down."""
        value: bytes | None = await self._attempt(lambda: self._client.get(key))
        return value

    async def put(self, key: str, data: bytes, ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds; does nothing when the server is down."""
        await self._attempt(lambda: self._client.set(key, data, px=max(1, round(ttl_s * 1000))))

    async def add(self, key: str, data: bytes, ttl_s: float) -> bytes | None:
        """Keep a value for `ttl_s` seconds unless there is one; that one is given back, and None otherwise."""
        milliseconds = max(1, round(ttl_s * 1000))
        known: bytes | None = await self._attempt(
            lambda: self._client.set(key, data, px=milliseconds, nx=True, get=True)
        )
        return known

    async def increment(self, key: str) -> None:
        """Count one more; does nothing when the server is down. `get` gives the sum as digits."""
        await self._attempt(lambda: self._client.incr(key))

    async def tally(self, keys: Sequence[str], ttl_s: float) -> list[int] | None:
        """Count one more of each, for `ttl_s` seconds; the sums, or None when the server is down."""

        async def count() -> list[int]:
            async with self._client.pipeline(transaction=False) as pipeline:
                for key in keys:
                    pipeline.incr(key).pexpire(key, max(1, round(ttl_s * 1000)))
                return [int(total) for total in (await pipeline.execute())[::2]]

        totals: list[int] | None = await self._attempt(count)
        return totals

    async def values(self, prefix: str) -> list[bytes]:
        """Every value whose key begins so; none when the server is down."""

        async def read() -> list[bytes]:
            keys = [key async for key in self._client.scan_iter(match=f"{prefix}*", count=1000)]
            return [value for value in await self._client.mget(keys) if value is not None] if keys else []

        return await self._attempt(read) or []

    async def figures(self) -> CacheFigures | None:
        """What the server has counted; None when it is down."""
        info = await self._attempt(lambda: self._client.info())
        return CacheFigures(info["keyspace_hits"], info["keyspace_misses"], info["used_memory"]) if info else None

    async def _attempt(self, call: Callable[[], Awaitable[Any]]) -> Any:
        if time.monotonic() < self._rests_until:
            return None
        try:
            return await call()
        except (RedisError, OSError) as error:
            self._failed(error)
            return None

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        present = time.monotonic()
        self._rests_until = present + REST_S
        if present >= self._silent_until:
            self._silent_until = present + LOG_EVERY_S
            log.warning("the cache at %s does not answer, working without it: %s", self._url, error)
