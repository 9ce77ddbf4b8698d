"""Alerts: what is wrong now, and what was."""

from typing import cast, get_args

from aiohttp import web

from streamapp.alerts.rules import RULES
from streamapp.storage.alerts import AlertStore, State
from streamapp.web.answers import API, json_answer
from streamapp.web.context import ApiContext
from streamapp.web.numbers import whole_number

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
LARGEST_ID = 2**63 - 1


def routes(context: ApiContext) -> list[web.RouteDef]:
    """The routes of this noun."""
    store = AlertStore(context.db)

    async def page(request: web.Request) -> web.StreamResponse:
        """Alerts, newest first; those that are open, or are over, or of one rule, where that is asked for."""
        state, rule = _one_of(request, "state", get_args(State)), _one_of(request, "rule", RULES)
        limit = whole_number(request, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
        before = whole_number(request, "before", LARGEST_ID, 1, LARGEST_ID)
        found = await store.page(cast(State | None, state), rule, limit + 1, before)
        shown = found[:limit]
        return json_answer({"alerts": shown, "next": shown[-1].id if len(found) > limit else None})

    return [web.get(f"{API}/alerts", page)]


def _one_of(request: web.Request, name: str, known: tuple[str, ...]) -> str | None:
    text = request.query.get(name)
    if text is not None and text not in known:
        raise web.HTTPBadRequest(text=f"{name} must be one of {', '.join(known)}")
    return text
