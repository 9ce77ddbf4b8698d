"""One fault, from the steady load before it to the count after it."""

import asyncio
import time
from contextlib import suppress

from aiokafka.errors import KafkaError

from streamapp.lag import LagMeter
from streamapp.settings import Settings
from tests.support.load import Load
from tests.support.oracle import COUNTED, Oracle, Promise
from tests.support.platform import eventually

SETTLE_S = 90
ASK_S = 5.0


class Lags:
    """The lag of every group, asked of a broker that may be away."""

    def __init__(self, settings: Settings, models: list[str]) -> None:
        self._settings = settings
        self._models = models

    async def now(self) -> dict[str, int] | None:
        """By group; None while the broker does not answer."""
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(ASK_S), LagMeter.connect(self._settings, self._models) as meter:
                return await meter.lags()
        return None


class Trial:
    """One fault under load. `recovered` waits for the lag; the end of the block counts everything."""

    def __init__(self, oracle: Oracle, load: Load, lags: Lags, within_s: float) -> None:
        self.oracle = oracle
        self.load = load
        self.promise = Promise()
        self.recoveries: list[float] = []
        self.began = time.time()
        self.within_s = within_s
        self._lags = lags
        self._level: dict[str, int] = {}

    @property
    def images(self) -> int:
        """Images that were acknowledged."""
        return len(self.load.acknowledged)

    async def steady(self, seconds: float = 2.0) -> None:
        """Wait until the load runs, and note the lag of every group in normal times."""
        await self._until_acknowledged(5)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for group, lag in (await self._lags.now() or {}).items():
                self._level[group] = max(lag, self._level.get(group, 0))
            await asyncio.sleep(0.2)

    async def recovered(self, since: float | None = None) -> float:
        """Wait until every group's lag is back at its level; the seconds since the fault's end (`time.monotonic`).

        A second of load more than the level is the noise of commits, which come twice a second.
        """
        since = time.monotonic() if since is None else since
        await self._until_acknowledged(self.images + 3)

        async def back() -> bool:
            lags = await self._lags.now()
            return lags is not None and all(lag <= self._level[group] + self._slack for group, lag in lags.items())

        left_s = since + self.within_s - time.monotonic()
        await eventually(
            back, max(1.0, left_s), f"{self.within_s:g} s after the fault the lag is back at {self._level}"
        )
        self.recoveries.append(time.monotonic() - since)
        return self.recoveries[-1]

    async def refused(self) -> None:
        """Wait until one more upload is refused."""
        before = len(self.load.refusals)

        async def one_more() -> bool:
            return len(self.load.refusals) > before

        await eventually(one_more, ASK_S * 4, "an upload is refused")

    async def lag(self, group: str) -> int:
        """Messages that this group has not done."""
        lags = await self._lags.now()
        assert lags is not None, "the broker does not answer"
        return lags[group]

    @property
    def _slack(self) -> float:
        return 3 * self.load.rate  # of the topic with the most messages, one for each model

    async def _until_acknowledged(self, count: int) -> None:
        async def enough() -> bool:
            return self.images >= count

        await eventually(enough, self.within_s, f"{count} images are acknowledged (refused: {self.load.refusals[-3:]})")

    async def settle(self) -> None:
        """Wait until nothing is under way: no lag anywhere, and no image that waits to be published."""

        async def idle() -> bool:
            lags = await self._lags.now()
            return lags is not None and not any(lags.values()) and not await self.oracle.waiting()

        await eventually(idle, SETTLE_S, "no lag, nothing that waits to be published")

    async def verify(self) -> None:
        """Every promise about the images since the trial began."""
        await self.settle()
        self.promise.acknowledged = set(self.load.acknowledged)
        images = await self.oracle.published_since(self.began) | self.promise.acknowledged
        self.promise.frames = await self.oracle.frames(images)
        broken = self.promise.broken(await self.oracle.outcomes(images), self.oracle.models)
        assert not broken, f"{len(broken)} of {len(images)} images, the first of them: {broken[:5]}"

        async def judged() -> bool:
            return not await self.oracle.unjudged(images)

        with suppress(AssertionError):
            await eventually(judged, SETTLE_S, f"{len(images)} complete verdicts")
        assert await self.oracle.unjudged(images) == []
        since = int(self.began // 10 * 10)

        async def equal() -> bool:
            return await self.oracle.stored_figures(since) == await self.oracle.table_figures(since)

        with suppress(AssertionError):
            await eventually(equal, SETTLE_S, "the tables are as PostgreSQL")
        tables, stored = await self.oracle.table_figures(since), await self.oracle.stored_figures(since)
        differ = {
            at: (tables.get(at), stored.get(at)) for at in tables.keys() | stored if tables.get(at) != stored.get(at)
        }
        assert not differ, f"{COUNTED} in the tables and in PostgreSQL: {differ}"
