"""Operations of the API. A handler's signature says what a request must hold and what is answered; nothing else does.

Its parameters `path`, `query`, `headers` and `body` are models that the request is checked against; `request` is the
request itself. It returns a model, a `Reply` with one, or an answer of its own making. Its docstring describes it.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints

from aiohttp import web
from pydantic import BaseModel

from streamapp.access.callers import Scope
from streamapp.web.answers import API, json_answer
from streamapp.web.inputs import Input, read

#: The content type of answers that do not end by themselves.
EVENT_STREAM = "text/event-stream"

T = TypeVar("T", bound=BaseModel)

PARTS = ("path", "query", "headers", "body")


@dataclass(frozen=True)
class Reply(Generic[T]):
    """An answer whose status or headers are not the usual ones."""

    content: T
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One operation: method, path under `/api/v1`, the handler, and the scope that a caller needs.

    `statuses` are those of success, the usual one first. Of a handler that makes its answers itself, `answer` is the
    model of their JSON, or `content_type` says what they are. `form` is the model of a multipart body, which the
    handler reads itself.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    handler: Callable[..., Awaitable[Any]]
    scope: Scope = "read"
    statuses: tuple[int, ...] = (200,)
    content_type: str = "application/json"
    answer: type[BaseModel] | None = None
    form: type[BaseModel] | None = None

    @property
    def url(self) -> str:
        """The whole path."""
        return API + self.path

    @cached_property
    def inputs(self) -> dict[str, type[Input]]:
        """The models of the parts of a request."""
        return {name: kind for name, kind in self._hints.items() if name in PARTS}

    @cached_property
    def content(self) -> type[BaseModel] | None:
        """The model of the answer; None where it is no JSON."""
        kind = self._hints["return"]
        if get_origin(kind) is Reply:
            [kind] = get_args(kind)
        return kind if issubclass(kind, BaseModel) else self.answer

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self.handler)

    @property
    def texts(self) -> tuple[str, str]:
        """Summary and description: the first line of the handler's docstring, and the others."""
        first, _, rest = (inspect.getdoc(self.handler) or "").partition("\n")
        return first.rstrip("."), " ".join(rest.split())

    def route(self) -> web.RouteDef:
        """As a route of aiohttp's; GET answers HEAD too, unless it is a stream, of which nothing could be told."""
        if self.method != "GET":
            return web.route(self.method, self.url, self.serve)
        return web.get(self.url, self.serve, allow_head=self.content_type != EVENT_STREAM)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Check the request, call the handler, and send what it returns; raises what `read` and the handler raise."""
        given: dict[str, Any] = {part: await read(request, part, model) for part, model in self.inputs.items()}
        if "query" not in given and request.query:
            await read(request, "query", Input)
        if "request" in self._hints:
            given["request"] = request
        found = await self.handler(**given)
        if isinstance(found, web.StreamResponse):
            return found
        reply = found if isinstance(found, Reply) else Reply(found, self.statuses[0])
        answer = json_answer(reply.content, status=reply.status)
        answer.headers.update(reply.headers)
        return answer


def operation_of(request: web.Request) -> Operation | None:
    """The operation that a request is for; None where it is for something else that is served."""
    owner = getattr(request.match_info.handler, "__self__", None)
    return owner if isinstance(owner, Operation) else None
