"""How far each consumer group is behind, asked again and again over one connection."""

import asyncio
import logging
from collections.abc import Collection
from contextlib import AsyncExitStack

from aiokafka.errors import KafkaError

from streamapp.lag import LagMeter
from streamapp.settings import Settings

log = logging.getLogger(__name__)

#: Longest wait for the broker, in seconds.
BROKER_S = 5.0


class Lags:
    """Connects when it is first asked, and anew after the broker was away."""

    def __init__(self, settings: Settings, models: Collection[str]) -> None:
        self._settings = settings
        self._models = models
        self._open = AsyncExitStack()
        self._meter: LagMeter | None = None

    async def read(self) -> dict[str, int] | None:
        """Messages by group; None while the broker does not answer."""
        try:
            async with asyncio.timeout(BROKER_S):
                if self._meter is None:
                    self._meter = await self._open.enter_async_context(LagMeter.connect(self._settings, self._models))
                return await self._meter.lags()
        except (KafkaError, TimeoutError, OSError) as error:
            log.info("the lag of the groups is unknown: %s", error or "the broker does not answer")
            await self.close()
            return None

    async def close(self) -> None:
        """Leave the broker."""
        self._meter = None
        await self._open.aclose()
