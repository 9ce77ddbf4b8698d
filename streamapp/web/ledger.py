"""The ledger: is every accepted image accounted for?"""

import asyncio
import time

from pydantic import Field

import agents
from streamapp import ledger
from streamapp.storage.ledger import LedgerStore
from streamapp.web.context import ApiContext
from streamapp.web.inputs import Input
from streamapp.web.operations import Operation


class Names(Input):
    """How much is told."""

    missing: int = Field(20, ge=0, le=1000, description="Image ids to name for each model that misses some.")


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""
    reader = Reader(context)

    async def now(query: Names) -> ledger.Ledger:
        """The ledger: what every model owes an outcome for, and what it has."""
        return await reader.read(query.missing)

    return [Operation("GET", "/ledger", now)]


class Reader:
    """Reads the ledger once for all who asked before the reading began: it reads whole tables."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._store = LedgerStore(context.db)
        self._reading = asyncio.Lock()
        self._read: dict[int, tuple[float, ledger.Ledger]] = {}

    async def read(self, names: int) -> ledger.Ledger:
        """The ledger as it was after this call, never before it."""
        asked = time.monotonic()
        async with self._reading:
            began, known = self._read.get(names, (0.0, None))
            if known is not None and began > asked:
                return known
            began = time.monotonic()
            context = self._context
            models = list(agents.specs(context.settings.models, context.settings.weights))
            answer = await ledger.read(context.settings, models, self._store, context.live.totals(), names)
            self._read = {names: (began, answer)}
            return answer
