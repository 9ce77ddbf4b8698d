"""The fake API's door: keys and what they allow, as the API has it."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from tests.support.fake_books import problem

ADMIN = ("reload", "promote", "retry", "discard")


class Keys:
    """`scopes` by key; while there are none nobody is asked. With `tired` every wrong key is one too many."""

    def __init__(self) -> None:
        self.scopes: dict[str, set[str]] = {}
        self.tired = False
        self.seen: list[tuple[str, str]] = []  # key and path of every request that was let in

    def revoke(self, key: str) -> None:
        """The API does not accept this key any more."""
        self.scopes[key] = {"revoked"}

    def middleware(self) -> Middleware:
        """Lets in who may."""

        @web.middleware
        async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
            key = request.headers.get("Authorization", "").removeprefix("Bearer ")
            scopes = self.scopes.get(key, {"revoked"})
            if self.scopes and "revoked" in scopes:
                if self.tired:
                    answer = problem(429, "Too many requests", "too often; again in 17 s", "too-many-requests")
                    answer.headers["Retry-After"] = "17"
                    return answer
                return problem(401, "Who is asking?", "that API key is unknown, revoked or too old", "unauthorized")
            wanted = scope_of(request)
            if self.scopes and not scopes & {wanted, "admin"}:
                said = f"{request.method} {request.path} takes the scope {wanted}; {key} does not have it"
                return problem(403, "That takes another scope", said, "forbidden")
            self.seen.append((key, request.path))
            return await handler(request)

        return door


def scope_of(request: web.Request) -> str:
    """What a request takes."""
    if request.method == "GET":
        return "read"
    if request.path.rpartition("/")[2] in ADMIN:
        return "admin"
    return "label" if "label" in request.path else "write"
