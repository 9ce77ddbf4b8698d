"""What each request tells of its visitor, before anything is answered: the language, and the page that is open."""

from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from dash_ui.language import COOKIE, speaking, wanted
from dash_ui.view import asked


class Visitors:
    """An ASGI application in front of another one: what that says is said in the visitor's language."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        asked.set(page_of(headers))
        with speaking(language_of(headers)):
            await self._app(scope, receive, send)


def language_of(headers: Headers) -> str:
    """What the cookie says, else what the browser prefers."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        morsel = None
    return wanted(morsel.value if morsel else None, headers.get("accept-language", ""))


def page_of(headers: Headers) -> str:
    """The path and query of the page from which the browser asks; its start page where it does not say."""
    try:
        parts = urlsplit(headers.get("referer", ""))
    except ValueError:
        return "/"
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
