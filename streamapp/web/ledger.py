"""The ledger: is every accepted image accounted for?"""

import asyncio
import time

from aiohttp import web

import agents
from streamapp import ledger
from streamapp.storage.ledger import LedgerStore
from streamapp.web.answers import API, json_answer
from streamapp.web.context import ApiContext
from streamapp.web.numbers import whole_number

NAMED, MOST_NAMED = 20, 1000


def routes(context: ApiContext) -> list[web.RouteDef]:
    """The routes of this noun."""
    reader = Reader(context)

    async def now(request: web.Request) -> web.StreamResponse:
        return json_answer(await reader.read(whole_number(request, "missing", NAMED, 0, MOST_NAMED)))

    return [web.get(f"{API}/ledger", now)]


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
