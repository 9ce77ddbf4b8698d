"""The bytes of an image: from the message, the cache or the object store, once per worker."""

import asyncio
from collections import OrderedDict
from typing import Protocol
from uuid import UUID

from streamapp.ingest.accept import cache_key

KEPT_BYTES = 32 * 1024 * 1024


class Objects(Protocol):
    """The part of the object store that is needed here."""

    async def get(self, path: str) -> bytes:
        """The object, or ObjectMissing."""


class Cache(Protocol):
    """The part of the cache that is needed here."""

    async def get(self, key: str) -> bytes | None:
        """The value, or nothing."""


class Fetcher:
    """Fetches originals. Models that share a worker share one fetch: the second asks while the first one waits."""

    def __init__(self, objects: Objects, cache: Cache) -> None:
        self._objects = objects
        self._cache = cache
        self._fetching: dict[UUID, asyncio.Task[bytes]] = {}
        self._kept: OrderedDict[UUID, bytes] = OrderedDict()
        self._kept_bytes = 0

    async def get(self, image_id: UUID, path: str) -> bytes:
        """The original of an image.

        Raises:
            ObjectMissing: neither cache nor object store have it.
            StoreUnavailable: the object store does not answer.
        """
        if image_id in self._kept:
            return self._kept[image_id]
        task = self._fetching.get(image_id)
        if task is None:
            task = self._fetching[image_id] = asyncio.create_task(self._fetch(image_id, path))
            task.add_done_callback(lambda _: self._fetching.pop(image_id, None))
        return await asyncio.shield(task)

    async def _fetch(self, image_id: UUID, path: str) -> bytes:
        data = await self._cache.get(cache_key(image_id)) or await self._objects.get(path)
        self._kept[image_id] = data
        self._kept_bytes += len(data)
        while self._kept_bytes > KEPT_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped)
        return data
