"""Object store and cache in memory, with the same behaviour as the real ones (they pass the same tests)."""

import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Self

from streamapp.errors import ObjectMissing, StoreUnavailable
from streamapp.storage.cache import CacheFigures
from streamapp.storage.objects import split


class MemoryObjects:
    """Stands in for `ObjectStore` in tests."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, bytes]] = {}
        self.content_types: dict[str, str] = {}

    @classmethod
    @asynccontextmanager
    async def connect(cls) -> AsyncIterator[Self]:
        """An empty store."""
        yield cls()

    async def ping(self) -> None:
        """Is always there."""

    async def ensure_bucket(self, name: str) -> None:
        """Make the bucket unless it is there."""
        self.buckets.setdefault(name, {})

    async def put(self, path: str, data: bytes, content_type: str) -> None:
        """Write an object; raises StoreUnavailable where its bucket is missing, as the real one does."""
        bucket, key = split(path)
        if bucket not in self.buckets:
            raise StoreUnavailable(f"the object store has no bucket {bucket}")
        self.buckets[bucket][key] = data
        self.content_types[path] = content_type

    async def get(self, path: str) -> bytes:
        """Read an object; raises ObjectMissing."""
        bucket, key = split(path)
        try:
            return self.buckets[bucket][key]
        except KeyError:
            raise ObjectMissing(f"the object store has no {path}") from None

    @asynccontextmanager
    async def open(self, path: str, offset: int = 0, length: int = 0) -> AsyncIterator[AsyncIterator[bytes]]:
        """The pieces of an object, or of `length` bytes of it from `offset`; raises ObjectMissing."""
        data = (await self.get(path))[offset : offset + length if length else None]

        async def pieces() -> AsyncIterator[bytes]:
            if data:
                yield data

        yield pieces()


class MemoryCache:
    """Stands in for `Cache` in tests."""

    def __init__(self) -> None:
        self.failures = 0
        self._values: dict[str, tuple[float, bytes]] = {}
        self._asked = [0, 0]

    @classmethod
    @asynccontextmanager
    async def connect(cls) -> AsyncIterator[Self]:
        """An empty cache."""
        yield cls()

    async def ping(self) -> None:
        """Is always there."""

    async def get(self, key: str) -> bytes | None:
        """The value, until it expires."""
        expires, value = self._values.get(key, (0.0, b""))
        there = time.monotonic() < expires
        self._asked[not there] += 1
        return value if there else None

    async def put(self, key: str, data: bytes, ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds."""
        self._values[key] = (time.monotonic() + ttl_s, data)

    async def add(self, key: str, data: bytes, ttl_s: float) -> bytes | None:
        """Keep a value unless there is one, which is given back."""
        known = await self.get(key)
        if known is None:
            await self.put(key, data, ttl_s)
        return known

    async def tally(self, keys: Sequence[str], ttl_s: float) -> list[int] | None:
        """Count one more of each, for a while."""
        totals = [int(await self.get(key) or 0) + 1 for key in keys]
        for key, total in zip(keys, totals, strict=True):
            await self.put(key, str(total).encode(), ttl_s)
        return totals

    async def values(self, prefix: str) -> list[bytes]:
        """Every value whose key begins so."""
        found = [await self.get(key) for key in list(self._values) if key.startswith(prefix)]
        return [value for value in found if value is not None]

    async def figures(self) -> CacheFigures | None:
        """Hits, misses and bytes."""
        hits, misses = self._asked
        return CacheFigures(hits, misses, sum(len(value) for _, value in self._values.values()))

    async def increment(self, key: str) -> None:
        """Count one more."""
        self._values[key] = (math.inf, str(int(await self.get(key) or 0) + 1).encode())
