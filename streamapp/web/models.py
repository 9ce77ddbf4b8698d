"""The models that serve now, as they announce themselves."""

from typing import Any

from aiohttp import web

from streamapp.records import ModelState
from streamapp.web.answers import API, json_answer
from streamapp.web.context import ApiContext


def routes(context: ApiContext) -> list[web.RouteDef]:
    """The routes of this noun."""

    async def every(_: web.Request) -> web.StreamResponse:
        return json_answer({"models": [_shown(state) for state in context.live.models()]})

    return [web.get(f"{API}/models", every)]


def _shown(state: ModelState) -> dict[str, Any]:
    """A model's own words; its uptime in seconds is that at its last word, `timestamp`."""
    return {**state.model_dump(), "uptime_s": (state.timestamp - state.started_at).total_seconds()}
