"""The models that serve now, as their workers announce them, and the order to look for new versions."""

from aiohttp import web

from streamapp.records import now
from streamapp.serving import ReloadOrder
from streamapp.web.answers import API, json_answer, not_found
from streamapp.web.context import ApiContext
from streamapp.web.problems import request_id


def routes(context: ApiContext) -> list[web.RouteDef]:
    """The routes of this noun."""
    roster = context.live.roster

    async def every(_: web.Request) -> web.StreamResponse:
        return json_answer({"models": [roster.shown(name) for name in roster.newest()]})

    async def one(request: web.Request) -> web.StreamResponse:
        return json_answer(_known(request))

    async def reload(request: web.Request) -> web.StreamResponse:
        _known(request)
        name = request.match_info["name"]
        url = f"{API}/models/{name}"
        order = ReloadOrder(model=name, by=f"api {request.remote}", request_id=request_id(request), timestamp=now())
        await context.order(order)
        answer = json_answer({"model": name, "request_id": order.request_id, "url": url}, status=202)
        answer.headers["Location"] = url
        return answer

    def _known(request: web.Request) -> dict[str, object]:
        name = request.match_info["name"]
        shown = roster.shown(name)
        if shown is None:
            raise not_found("model", name)
        return shown

    return [
        web.get(f"{API}/models", every),
        web.get(f"{API}/models/{{name}}", one),
        web.post(f"{API}/models/{{name}}/reload", reload),
    ]
