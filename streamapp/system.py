"""The state of the servers that the platform stands on: rates, sizes, lags, and who is there."""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka.errors import KafkaError
from pydantic import AwareDatetime, Field

from streamapp import presence, topics
from streamapp.brokers import broker_error
from streamapp.errors import BrokerError
from streamapp.lag import LagMeter
from streamapp.records import now
from streamapp.settings import Settings
from streamapp.storage.cache import Cache, CacheFigures
from streamapp.storage.postgres import Database
from streamapp.storage.queries import SYSTEM
from streamapp.storage.views import View

#: Longest wait for the broker, in seconds.
BROKER_S = 10.0
#: Rates are over this time at least, in seconds; readings of the last two are shared.
WINDOW_S = 1.0
#: A rate over a longer time than this would say nothing of now: two readings are taken then.
LONGEST_WINDOW_S = 30.0


class TopicRate(View):
    """Messages that came to a topic, over all partitions."""

    messages: int = Field(description="Since the topic was made.")
    per_s: float


class Originals(View):
    """The originals in the object store, as the database knows them."""

    images: int
    bytes: int


class DatabaseState(View):
    """PostgreSQL. Each query outside of a transaction is a transaction of its own."""

    bytes: int
    connections: int
    transactions_per_s: float


class CacheState(View):
    """The cache; `hit_rate` of the last moments, null where nothing was asked for."""

    hit_rate: float | None
    hits: int
    misses: int
    bytes: int


class RoleState(View):
    """A worker of a role."""

    role: str
    worker: str
    started_at: AwareDatetime
    uptime_s: float


class System(View):
    """Everything, at one moment; rates are over the `window_s` before it. `cache` is null while it is away."""

    at: AwareDatetime
    window_s: float
    topics: dict[str, TopicRate]
    lags: dict[str, int] = Field(description="Messages that each consumer group has not committed yet.")
    objects: Originals
    database: DatabaseState
    cache: CacheState | None
    roles: list[RoleState] = Field(description="Workers that are there; known while the cache is.")


class Reading(NamedTuple):
    """What counts up, at a time of the monotonic clock."""

    at: float
    ends: dict[str, int]
    transactions: int
    cache: CacheFigures | None


class Meter:
    """Reads everything, once for all who ask in the same moment; raises BrokerError and StoreUnavailable."""

    def __init__(self, settings: Settings, models: Sequence[str], db: Database, cache: Cache) -> None:
        self._settings, self._models, self._db, self._cache = settings, models, db, cache
        self._reading = asyncio.Lock()
        self._before: Reading | None = None
        self._known: tuple[float, System] | None = None

    async def read(self) -> System:
        """The state now, or that of less than `WINDOW_S` ago."""
        async with self._reading:
            if self._known is None or time.monotonic() - self._known[0] > WINDOW_S:
                self._known = (time.monotonic(), await self._read())
            return self._known[1]

    async def _read(self) -> System:
        try:
            async with asyncio.timeout(BROKER_S), LagMeter.connect(self._settings, self._models) as broker:
                before = self._before
                if before is None or time.monotonic() - before.at > LONGEST_WINDOW_S:
                    before, _ = await self._count(broker)
                    await asyncio.sleep(WINDOW_S)
                reading, database = await self._count(broker)
                lags = await broker.lags()
        except TimeoutError:
            raise BrokerError(f"the broker at {self._settings.broker} did not answer within {BROKER_S:g} s") from None
        except KafkaError as error:
            raise await broker_error(self._settings, error) from error
        self._before = reading
        return await self._state(before, reading, database, lags)

    async def _count(self, broker: LagMeter) -> tuple[Reading, DatabaseState]:
        ends = await broker.ends([topic.name for topic in topics.all_topics()])
        async with self._db.connection() as connection:
            row = await connection.fetchrow(SYSTEM["database"])
        database = DatabaseState(bytes=row["bytes"], connections=row["connections"], transactions_per_s=0)
        return Reading(time.monotonic(), ends, row["transactions"], await self._cache.figures()), database

    async def _state(self, before: Reading, after: Reading, database: DatabaseState, lags: dict[str, int]) -> System:
        seconds = after.at - before.at
        rate = max(0, after.transactions - before.transactions) / seconds
        async with self._db.connection() as connection:
            originals = Originals.model_validate(dict(await connection.fetchrow(SYSTEM["originals"])))
        return System(
            at=now(),
            window_s=seconds,
            topics=topic_rates(before, after),
            lags=lags,
            objects=originals,
            database=database.model_copy(update={"transactions_per_s": rate}),
            cache=cache_state(before.cache, after.cache),
            roles=[RoleState(**dict(one), uptime_s=one.uptime_s) for one in await presence.present(self._cache)],
        )


def topic_rates(before: Reading, after: Reading) -> dict[str, TopicRate]:
    """Messages a second of each topic; none where it was made anew in between."""
    seconds = after.at - before.at
    return {
        name: TopicRate(messages=end, per_s=max(0, end - before.ends.get(name, end)) / seconds)
        for name, end in sorted(after.ends.items())
    }


def cache_state(before: CacheFigures | None, after: CacheFigures | None) -> CacheState | None:
    """The hit rate between two readings; null where nothing was asked for, or the server was started in between."""
    if after is None:
        return None
    earlier = before or after
    hits, misses = after.hits - earlier.hits, after.misses - earlier.misses
    rate = hits / (hits + misses) if min(hits, misses) >= 0 and hits + misses else None
    return CacheState(hit_rate=rate, hits=after.hits, misses=after.misses, bytes=after.bytes)
