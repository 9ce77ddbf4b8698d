"""The door: every request says whose it is, by an API key or a token, and does only what its scopes allow."""

import asyncio
import time
from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Middleware

from streamapp.access import keys
from streamapp.access.callers import ANYBODY, NOBODY, Caller, Scope, guarded, origins
from streamapp.errors import Forbidden, StoreUnavailable, Unauthorized
from streamapp.storage.keys import KeyStore
from streamapp.web.browsers import is_local
from streamapp.web.context import ApiContext
from streamapp.web.limits import Limits
from streamapp.web.operations import operation_of
from streamapp.web.problems import Handler

#: Who sent a request, and what it said to prove it.
CALLER = web.RequestKey("caller", Caller)
SAID = web.RequestKey("said", str)
#: Open to all: whether the worker lives, its metrics (they have a token of their own), and the description of the API.
OPEN = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/graphiql"})
OPEN_FOLDERS = ("/docs/", "/graphiql/")
#: A key that was found is believed this long; so a revoked one works no longer than that.
BELIEVED_S = 10.0
#: How long PostgreSQL may take to say whose key it is, in seconds. What is done with it then has its own time.
LOOK_UP_S = 1.0
MOST_BELIEVED = 1000


class Door:
    """Finds out who sends a request."""

    def __init__(self, context: ApiContext, limits: Limits) -> None:
        self._limits = limits
        self._tokens = context.tokens
        self._store = KeyStore(context.db)
        self._believed: dict[str, tuple[float, Caller]] = {}

    async def open(self, request: web.Request, authorization: str) -> None:
        """Let who says this in, if it has not asked too often; raises what `Limits.known` and `caller` do."""
        request[SAID] = authorization
        request[CALLER] = await self._limits.known(request, lambda: self.caller(authorization, request))

    async def ask_again(self, request: web.Request) -> None:
        """Let a connection ask once more, which counts as a request; raises what `open` does."""
        await self.open(request, request[SAID])

    async def forgets(self, request: web.Request) -> bool:
        """Whether what was said is worth nothing any more. While nobody can know, it is worth what it was."""
        try:
            await self.caller(request[SAID])
        except Unauthorized:
            return True
        except StoreUnavailable:
            return False
        return False

    async def change(self, request: web.Request) -> None:
        """Count something that is done on request; raises TooManyRequests and StoreUnavailable."""
        await self._limits.spend(request, request[CALLER], "POST")

    async def caller(self, authorization: str, guess: web.Request | None = None) -> Caller:
        """Who sends a request with this header; `guess` is that request, where it may be the first with it.

        Raises:
            Unauthorized: it says nothing, or nothing that can be believed.
            TooManyRequests: a key that nobody has seen comes from an address that has named too many wrong ones.
            StoreUnavailable: the database does not answer.
        """
        kind, _, given = authorization.partition(" ")
        given = given.strip()
        if kind.lower() != "bearer" or not given:
            raise Unauthorized(
                "send an API key or a token as `Authorization: Bearer …`; `streamapp token create` makes one"
            )
        if (key := keys.parse(given)) is not None:
            return await self._owner(key, guess)
        if self._tokens is None:
            raise Unauthorized("that is no API key; tokens of other kinds are not set up here")
        return self._tokens.caller(given)

    async def _owner(self, key: keys.ApiKey, guess: web.Request | None) -> Caller:
        now, known = time.monotonic(), str(key)
        until, caller = self._believed.get(known, (0.0, None))
        if caller is not None and now < until:
            return caller
        if caller is None and guess is not None:
            await self._limits.may_guess(guess)
        try:
            async with asyncio.timeout(LOOK_UP_S):
                caller = await self._store.caller(key)
        except TimeoutError:
            raise StoreUnavailable(
                f"PostgreSQL did not say within {LOOK_UP_S:g} s whose API key that is", "postgres"
            ) from None
        if caller is None:
            self._believed.pop(known, None)
            raise Unauthorized("that API key is unknown, revoked or too old")
        if len(self._believed) >= MOST_BELIEVED:
            self._believed.clear()
        self._believed[known] = (now + BELIEVED_S, caller)
        return caller


#: Where callers must say who they are: finds out who it is that says so later.
DOOR = web.RequestKey("door", Door)


class Stay:
    """How long a stream of events may go on: not longer than its reader's key or token is good."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._looked = time.monotonic()

    async def is_over(self) -> bool:
        """Whether the reader must leave; cheap enough to ask before every event."""
        now = time.monotonic()
        if DOOR not in self._request or now - self._looked < BELIEVED_S:
            return False
        self._looked = now
        return await self._request[DOOR].forgets(self._request)


def says_later(request: web.Request) -> bool:
    """Whether the first message on this connection will say whose it is: a browser can send no header with it."""
    connects = request.headers.get("Upgrade", "").lower() == "websocket"
    return connects and request.path == "/graphql" and "Authorization" not in request.headers


def require(request: web.Request, scope: Scope, what: str = "") -> None:
    """See that who sent a request may do what it asks for, or `what`; raises Forbidden."""
    caller = request[CALLER]
    if not caller.may(scope):
        wanted = what or f"{request.method} {request.path}"
        raise Forbidden(f"{wanted} takes the scope {scope}; {caller.name} does not have it")


def is_here(request: web.Request, allowed: Collection[str]) -> bool:
    """Whether a request is for this machine by a name of its own, or of a page that may ask.

    A page from elsewhere can give its own name our address, and then its browser lets it read what we answer.
    """
    host = request.headers.get("Host")
    return host is None or is_local(host) or any(origin.partition("://")[2] == host for origin in allowed)


def is_open(path: str) -> bool:
    """Whether this is for everybody."""
    return path in OPEN or path.startswith(OPEN_FOLDERS)


def middleware(context: ApiContext) -> Middleware:
    """Let in who may come in; the handlers find the caller in the request."""
    limits = Limits(context)
    door = Door(context, limits) if guarded(context.settings) else None
    allowed = origins(context.settings)

    @web.middleware
    async def auth(request: web.Request, handler: Handler) -> web.StreamResponse:
        if door is None and not is_here(request, allowed):
            raise Forbidden(
                f"without keys this is for this machine only, by its address or as localhost, and not as "
                f"{request.host[:100]}; see docs/security.md"
            )
        if is_open(request.path):
            request[CALLER] = ANYBODY
            return await handler(request)
        if door is None or says_later(request):
            await limits.spend(request, ANYBODY, request.method)
            request[CALLER] = ANYBODY if door is None else NOBODY
            if door is not None:
                request[DOOR] = door
            return await handler(request)
        request[DOOR] = door
        await door.open(request, request.headers.get("Authorization", ""))
        operation = operation_of(request)
        require(request, operation.scope if operation else "read")
        return await handler(request)

    return auth
