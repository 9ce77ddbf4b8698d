"""What browsers are told: pages from elsewhere that may ask (CORS), and headers that keep answers what they are."""

from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import web

from streamapp.access.callers import is_loopback, origins
from streamapp.errors import Forbidden
from streamapp.settings import Settings
from streamapp.web.limits import READS
from streamapp.web.problems import Handler

#: For what brings no policy of its own: an answer is data, and no page may show it in a frame or run it.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: Where a certificate is: a browser that was here once comes back with https alone, for a year (RFC 6797).
ONLY_HTTPS = "max-age=31536000"
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Range, X-Request-ID",
    "Access-Control-Max-Age": "600",
}
EXPOSED = "Content-Range, ETag, Retry-After, X-Request-ID"


def is_foreign(request: web.Request, allowed: Collection[str]) -> bool:
    """Whether a page from elsewhere sends this. A browser sends a form without asking, unlike JSON."""
    origin = request.headers.get("Origin")
    return origin is not None and origin not in allowed and origin.partition("://")[2] != request.host


def protect(request: web.BaseRequest, answer: web.StreamResponse) -> None:
    """Add the headers that keep an answer what it is.

    `localhost` keeps http: a browser would keep it for https whatever the port, and for every other server there.
    """
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    if request.secure and not is_local(request.headers.get("Host")):
        answer.headers["Strict-Transport-Security"] = ONLY_HTTPS


def is_local(host: str | None) -> bool:
    """Whether this `Host` header is a name of this machine, such as `localhost:8001`; one that is none is not."""
    try:
        return is_loopback(urlsplit(f"//{host or ''}").hostname or "")
    except ValueError:
        return False


def add(web_app: web.Application, settings: Settings) -> None:
    """Answer the question whether a page may ask, which comes without a key and before the door; and add headers."""
    allowed = origins(settings)

    @web.middleware
    async def cors(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return web.Response(status=204, headers=PREFLIGHT if request.headers.get("Origin") in allowed else None)
        if request.method not in READS and is_foreign(request, allowed):
            raise Forbidden(
                f"a page from {request.headers['Origin'][:100]} may not do this; see STREAMAPP_CORS_ORIGINS"
            )
        return await handler(request)

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        protect(request, response)
        if not allowed:
            return
        response.headers.add("Vary", "Origin")
        if (origin := request.headers.get("Origin")) in allowed:
            # Never with credentials: a key is sent by who has it, and not by a browser that remembers it.
            response.headers["Access-Control-Allow-Origin"] = str(origin)
            response.headers["Access-Control-Expose-Headers"] = EXPOSED
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"

    web_app.middlewares.append(cors)
    web_app.on_response_prepare.append(add_headers)
