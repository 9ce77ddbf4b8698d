"""The door: who comes in, and that no other site's page acts in a visitor's name."""

import asyncio
from collections.abc import Collection
from typing import Any
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dash_ui import origins
from dash_ui.hub import Hub
from dash_ui.problems import problem
from dash_ui.signins import SignIn, visiting

COOKIE = "streamapp_sign_in"
SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"
#: For everybody: whether we live, signing in and out, and what that page looks like.
OPEN = frozenset({"/healthz", SIGN_IN, SIGN_OUT})
OPEN_FOLDER = "/assets/"
READS = frozenset({"GET", "HEAD", "OPTIONS"})
#: On every answer. Our own pages say which page asks (`Referer`); others are not told.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: Over https, by a name that is not this machine's own: a browser that was here once uses nothing else, for a year.
ONLY_HTTPS = {"Strict-Transport-Security": "max-age=31536000"}
#: A live connection whose visitor has left stays open this long, so that its pages are told.
FAREWELL_S = 1.0
LEFT = 4403


class Door:
    """An ASGI application in front of the others."""

    def __init__(self, app: ASGIApp, hub: Hub, others: Collection[str] = ()) -> None:
        self._app, self._hub, self._others = app, hub, others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request or live connection in, or say why not."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        live = scope["type"] == "websocket"
        refusal = self._foreign(asked, live)
        if refusal is None and (live or not _is_open(asked.url.path)):
            visitor = await self._hub.access.visitor(self._hub.api, asked.cookies.get(COOKIE, ""))
            visiting.set(visitor)
            refusal = None if visitor else _shut(asked)
        if refusal is not None:
            await (_hang_up(send) if live else refusal(scope, receive, _dressed(asked, send)))
        elif live:
            await self._connect(scope, receive, send)
        else:
            await self._app(scope, receive, _dressed(asked, send))

    def _foreign(self, asked: HTTPConnection, live: bool) -> Response | None:
        """What a page from elsewhere is answered; None where no such page asks."""
        host = asked.headers.get("host", "")
        acts = live or asked.scope["method"] not in READS
        if acts and origins.is_foreign(asked.headers.get("origin"), host, self._others):
            return problem(403, "foreign", "Not from here", "a page from another site may not do this")
        if not self._hub.access.needed and not origins.is_here(host, self._others):
            return problem(
                403,
                "foreign",
                "Not by this name",
                "without sign-in this is for this machine only, by its address or as localhost, and not as "
                f"{host[:100]}; see docs/security.md",
            )
        return None

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A live connection, until its visitor leaves: tabs share one, and it may outlive them all."""
        visitor = visiting.get()
        assert visitor is not None
        left = _Left(visitor, receive, send)
        try:
            await self._app(scope, left.receive, send)
        finally:
            left.close()


class _Left:
    """What a live connection receives; that it is closed, when its visitor has left."""

    def __init__(self, visitor: SignIn, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._over = asyncio.ensure_future(visitor.over.wait())
        self._coming: asyncio.Future[Message] | None = None

    async def receive(self) -> Message:
        self._coming = self._coming or asyncio.ensure_future(self._receive())
        both: set[asyncio.Future[Any]] = {self._coming, self._over}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not self._over.done():
            message, self._coming = self._coming.result(), None
            return message
        await asyncio.sleep(FAREWELL_S)
        await _hang_up(self._send)
        return {"type": "websocket.disconnect", "code": LEFT}

    def close(self) -> None:
        for future in (self._over, self._coming):
            if future is not None:
                future.cancel()


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_FOLDER)


def _shut(asked: HTTPConnection) -> Response:
    """The way to the sign-in page for a page, a problem for everything else."""
    if asked.scope["type"] == "http" and "text/html" in asked.headers.get("accept", ""):
        here = asked.url.path + (f"?{asked.url.query}" if asked.url.query else "")
        return RedirectResponse(f"{SIGN_IN}?next={quote(here, safe='')}", 303)
    return problem(401, "unauthorized", "Who is asking?", "sign in first")


async def _hang_up(send: Send) -> None:
    await send({"type": "websocket.close", "code": LEFT})


def _dressed(asked: HTTPConnection, send: Send) -> Send:
    """Adds our headers to what is sent."""
    ours = dict(HEADERS)
    if asked.url.scheme == "https" and not origins.is_here(asked.headers.get("host", ""), ()):
        ours |= ONLY_HTTPS

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in ours.items():
                headers.setdefault(name, value)
        await send(message)

    return dressed
