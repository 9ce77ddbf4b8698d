"""What the roles of one worker share: settings, metrics, connections, the fetcher."""

import asyncio
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from streamapp.errors import StoreUnavailable
from streamapp.fetch import Fetcher
from streamapp.metrics import Metrics
from streamapp.runtime.lane import Lane, NoLane
from streamapp.settings import Settings
from streamapp.storage.cache import Cache
from streamapp.storage.objects import ObjectStore
from streamapp.storage.postgres import Database

log = logging.getLogger(__name__)
T = TypeVar("T")

RETRY_S = 1.0


class Shared:
    """Opened on first use, closed with the worker: its roles have one connection pool and one fetch."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self.decoders = ThreadPoolExecutor(2, thread_name_prefix="decode")
        self._opening = asyncio.Lock()
        self._database: Database | None = None
        self._objects: ObjectStore | None = None
        self._cache: Cache | None = None
        self._fetcher: Fetcher | None = None

    async def database(self, stack: AsyncExitStack) -> Database:
        """The database, with every migration applied."""
        async with self._opening:
            if self._database is None:
                opened = stack.enter_async_context
                self._database = await opened(patiently(lambda: Database.connect(self.settings.database_url)))
                await self._database.migrate()
            return self._database

    async def objects(self, stack: AsyncExitStack) -> ObjectStore:
        """The object store, with the bucket of the originals."""
        async with self._opening:
            if self._objects is None:
                opened = stack.enter_async_context
                self._objects = await opened(patiently(lambda: ObjectStore.connect(self.settings.object_store_url)))
            return self._objects

    async def cache(self, stack: AsyncExitStack) -> Cache:
        """The cache, which may be down."""
        async with self._opening:
            if self._cache is None:
                self._cache = await stack.enter_async_context(Cache.connect(self.settings.redis_url))
            return self._cache

    async def fetcher(self, stack: AsyncExitStack) -> Fetcher:
        """What fetches originals for every model of this worker."""
        objects, cache = await self.objects(stack), await self.cache(stack)
        self._fetcher = self._fetcher or Fetcher(objects, cache)
        return self._fetcher

    def lane(self) -> Lane | NoLane:
        """This host's lane, one for all workers of this user. Each model has its own handle."""
        if not self.settings.lane:
            return NoLane()
        return Lane(Path(tempfile.gettempdir()) / f"streamapp-lane-{os.getuid()}", self.settings.lane_wait_s)


@asynccontextmanager
async def patiently(connect: Callable[[], AbstractAsyncContextManager[T]]) -> AsyncIterator[T]:
    """Open a store, waiting for one that is not there yet: a worker may start before it."""
    async with AsyncExitStack() as stack:
        while True:
            try:
                opened = await stack.enter_async_context(connect())
                break
            except StoreUnavailable as error:
                log.warning("%s; trying again in %g s", error, RETRY_S)
                await asyncio.sleep(RETRY_S)
        yield opened
