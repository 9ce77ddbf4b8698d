"""Rolling figures per model."""

from aiohttp import web

from streamapp.web.answers import API, json_answer
from streamapp.web.context import ApiContext
from streamapp.web.live import WINDOWS
from streamapp.web.repeats import Repeats


def routes(context: ApiContext) -> list[web.RouteDef]:
    """The routes of this noun."""
    repeats = Repeats(context.cache)

    async def now(request: web.Request) -> web.StreamResponse:
        window = request.query.get("window", "1m")
        if window not in WINDOWS:
            raise web.HTTPBadRequest(text=f"window must be one of {', '.join(WINDOWS)}")
        return json_answer({**context.live.figures(window), "dedupe": await repeats.figures()})

    return [web.get(f"{API}/stats", now)]
