"""Errors as problem details (RFC 9457)."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware
from pydantic import BaseModel, ConfigDict, Field

from streamapp import errors
from streamapp.metrics import Metrics
from streamapp.web.answers import dumps
from streamapp.web.requests import REASON, begin, one_line, request_id, say

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RETRY_AFTER_S = 2
#: What may go well later.
TRY_AGAIN = frozenset({429, 503})


class ProblemDetails(BaseModel):
    """Every error, as RFC 9457 has it. Some kinds have further members; `errors` name the parameters that are wrong."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="What kind of error it is, as a URN.")
    title: str
    status: int
    detail: str = Field(description="What happened, and how to mend it.")


@dataclass(frozen=True)
class Problem:
    """A problem document. `name` is short and countable; `more` are further members of the document."""

    status: int
    name: str
    title: str
    detail: str
    more: dict[str, Any] = field(default_factory=dict)
    retry_after_s: int = RETRY_AFTER_S

    def answer(self) -> web.Response:
        """As an HTTP answer."""
        urn = f"urn:streamapp:problem:{self.name}"
        detail = self.detail.encode(errors="backslashreplace").decode()  # it may quote bytes that are no UTF-8
        document = ProblemDetails(type=urn, title=self.title, status=self.status, detail=detail, **self.more)
        headers = {"Cache-Control": "no-store"}
        if self.status in TRY_AGAIN:
            headers["Retry-After"] = str(self.retry_after_s)
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        answer = web.Response(
            body=dumps(document), status=self.status, content_type="application/problem+json", headers=headers
        )
        answer[REASON] = f"{self.name}: {self.detail}"
        return answer


#: Status, name and title for each error that a request can end with; the first class that fits decides.
KINDS: tuple[tuple[type[errors.StreamappError], int, str, str], ...] = (
    (errors.RequestRefused, 400, "bad-request", "A parameter is wrong"),
    (errors.Unauthorized, 401, "unauthorized", "Who is asking?"),
    (errors.Forbidden, 403, "forbidden", "That takes another scope"),
    (errors.ReaderTooSlow, 408, "too-slow", "Events were not read in time"),
    (errors.TooManyRequests, 429, "too-many-requests", "Too many requests"),
    (errors.EmptyUpload, 400, "empty", "The file is empty"),
    (errors.UnsupportedFormat, 415, "unsupported-format", "Not an image format that is taken"),
    (errors.ImageTooLarge, 413, "too-large", "The file is too large"),
    (errors.TooManyPixels, 422, "too-many-pixels", "The image has too many pixels"),
    (errors.UndecodableImage, 422, "undecodable", "The image cannot be decoded"),
    (errors.RowRefused, 422, "row-refused", "The database refuses these values"),
    (errors.ObjectMissing, 404, "object-missing", "The original is not stored any more"),
    (errors.StoreUnavailable, 503, "store-unavailable", "A store does not answer"),
    (errors.PublishFailed, 503, "publish-failed", "The broker does not answer"),
    (errors.BrokerError, 503, "broker-unavailable", "The broker does not answer"),
    (errors.NotRegistered, 404, "not-registered", "The model registry has no such thing"),
    (errors.RegistryUnavailable, 503, "registry-unavailable", "The model registry does not answer"),
    (errors.LetterRefused, 409, "letter-refused", "The dead letter cannot be settled so"),
)


def of_error(error: errors.StreamappError) -> Problem | None:
    """The problem that an error of ours is to a client; None where it is our own fault."""
    for kind, status, name, title in KINDS:
        if isinstance(error, kind):
            more = {"errors": error.wrong} if isinstance(error, errors.RequestRefused) else {}
            after = error.retry_after_s if isinstance(error, errors.TooManyRequests) else RETRY_AFTER_S
            return Problem(status, name, title, str(error), more, after)
    return None


def of_status(error: web.HTTPException) -> Problem:
    """The problem for an error of aiohttp's, ours included that are raised as such."""
    phrase = HTTPStatus(error.status).phrase
    detail = error.text if error.text and error.text != f"{error.status}: {error.reason}" else phrase
    return Problem(error.status, phrase.lower().replace(" ", "-"), phrase, detail)


def count_failure(error: Exception, metrics: Metrics) -> None:
    """Count a store that does not answer."""
    if isinstance(error, errors.StoreUnavailable) and error.store:
        metrics.store_failures.labels(error.store).inc()


def middleware(metrics: Metrics) -> Middleware:
    """Answer errors as problem documents, count stores that do not answer, and log every answer with its request."""

    @web.middleware
    async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
        begun = begin(request)
        try:
            answer = await _handled(request, handler, metrics)
        except web.HTTPException as redirect:
            say(request, redirect, begun)
            raise
        say(request, answer, begun)
        return answer

    return problems


async def _handled(request: web.Request, handler: Handler, metrics: Metrics) -> web.StreamResponse:
    """The handler's answer, or what went wrong as a problem document; raises the HTTPException of a redirect."""
    try:
        return await answered(request, handler)
    except web.HTTPException:  # a redirect
        raise
    except errors.StreamappError as error:
        count_failure(error, metrics)
        problem = of_error(error)
        return problem.answer() if problem is not None else _unforeseen(request)
    except Exception:  # the last resort: no traceback ever reaches a client
        return _unforeseen(request)


async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The handler's answer, or aiohttp's own refusals as problem documents."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        answer = of_status(error).answer()
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer


def _unforeseen(request: web.Request) -> web.Response:
    number = request_id(request)
    log.exception("request %s failed: %s %s", number, request.method, one_line(request.rel_url.raw_path))
    return unforeseen(number).answer()


def unforeseen(number: str) -> Problem:
    """What a client is told of a failure of our own, which the log has under the number of the request."""
    detail = f"the request failed for a reason on our side; the log has it under {number}"
    return Problem(500, "internal-server-error", "Internal Server Error", detail, {"request_id": number})
