"""Runs a replay from its beginning, or from where it was stopped, to the comparison at its end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from prometheus_client import CollectorRegistry

from streamapp.fetch import Fetcher
from streamapp.metrics import Metrics
from streamapp.replay.plan import Request, plan, spec_of
from streamapp.replay.worker import Pace, Worker
from streamapp.runtime import load
from streamapp.runtime.prepare import prepare
from streamapp.settings import Settings
from streamapp.storage.cache import Cache
from streamapp.storage.objects import ObjectStore
from streamapp.storage.postgres import Database
from streamapp.storage.runs import Comparison, Run, RunStore

#: Told of a model and how many images it has still to do; gives what is to be called after each.
Progress = Callable[[str, int], Callable[[], None]]


class Replayed(NamedTuple):
    """A run at its end, and each of its models beside its live answers."""

    run: Run
    models: dict[str, Comparison]


class Replay:
    """The replays of one platform; `async with Replay.connect(settings) as replay`."""

    def __init__(self, settings: Settings, db: Database, fetcher: Fetcher) -> None:
        self._settings = settings
        self._db = db
        self._runs = RunStore(db)
        self._fetcher = fetcher
        self._metrics = Metrics(CollectorRegistry())

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Replay"]:
        """Connect the stores.

        Raises:
            StoreUnavailable: one of them does not answer.
        """
        async with AsyncExitStack() as stack:
            db = await stack.enter_async_context(Database.connect(settings.database_url))
            await db.migrate()
            objects = await stack.enter_async_context(ObjectStore.connect(settings.object_store_url))
            cache = await stack.enter_async_context(Cache.connect(settings.redis_url))
            yield cls(settings, db, Fetcher(objects, cache))

    async def plan(self, request: Request) -> Run:
        """The run that is asked for, see `plan`."""
        return await plan(request, self._settings, self._runs)

    async def runs(self, limit: int) -> list[Run]:
        """The newest runs."""
        return await self._runs.runs(limit)

    async def do(self, run: Run, rate: float, progress: Progress) -> Replayed:
        """Do what is left of a run, one model after the other, at most `rate` images a second (0: no limit).

        Raises:
            ModelError: a model cannot be loaded.
            StoreUnavailable: PostgreSQL does not answer; the run can go on later.
        """
        compared = {}
        for model in run.models:
            spec = await asyncio.to_thread(spec_of, run, model, self._settings)
            if left := await self._runs.count_to_do(run, spec.name):
                await asyncio.to_thread(prepare, self._settings, [spec])
                loaded = await asyncio.to_thread(load, spec, self._settings)
                worker = Worker(loaded, self._settings, self._fetcher, self._db, self._metrics)
                try:
                    await worker.do(run, Pace(rate), progress(spec.name, left))
                finally:
                    worker.close()
            compared[spec.name] = await self._runs.compare(run.run_id, spec.name)
        await self._runs.finish(run.run_id)
        return Replayed(run, compared)
