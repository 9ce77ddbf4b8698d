"""Health, readiness and metrics: what every worker serves, whatever its roles."""

import hmac
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from streamapp.web.answers import json_answer
from streamapp.web.problems import Problem

#: Why a worker is not ready, one reason a line; empty when it is.
Ready = Callable[[], list[str]]

_SET_UP = web.AppKey("streamapp-health", bool)


def setup(web_app: web.Application, registry: CollectorRegistry, ready: Ready, metrics_token: str = "") -> None:
    """Add `/healthz`, `/readyz` and `/metrics`, once however often it is called; metrics for who has the token."""
    if _SET_UP in web_app:
        return
    web_app[_SET_UP] = True

    async def healthz(_: web.Request) -> web.StreamResponse:
        """The event loop answers; nothing else is said."""
        return json_answer({"status": "ok"})

    async def readyz(_: web.Request) -> web.StreamResponse:
        reasons = ready()
        if reasons:
            return Problem(503, "not-ready", "Not ready", "; ".join(reasons), {"reasons": reasons}).answer()
        return json_answer({"status": "ready"})

    async def metrics(request: web.Request) -> web.StreamResponse:
        given, wanted = request.headers.get("Authorization", ""), f"Bearer {metrics_token}"
        if metrics_token and not hmac.compare_digest(given.encode(errors="replace"), wanted.encode()):
            return Problem(401, "unauthorized", "Who is asking?", "send STREAMAPP_METRICS_TOKEN as a Bearer").answer()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    web_app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
