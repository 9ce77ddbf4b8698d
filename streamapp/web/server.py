"""Connections: what is no HTTP is answered like every other error, and a head that dribbles is not waited for."""

import asyncio
import logging
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, InvalidURLError, LineTooLong

from streamapp.web.browsers import protect
from streamapp.web.problems import Problem, of_status, unforeseen
from streamapp.web.requests import REQUEST_ID, begin, one_line, request_id, say

log = logging.getLogger(__name__)

#: A request's line and headers have arrived within so many seconds, and so has the first request of a connection.
HEAD_S = 20.0
#: What a sender has done to its request, and no fault of ours.
SENDERS = (HttpProcessingError, web.RequestPayloadError)
#: Where the parser's own words are the bytes that it has read.
IN_WORDS = {
    LineTooLong: "its first line or a header is too long",
    InvalidURLError: "its path or its query is no part of a URL",
}
#: How a line begins in which the parser quotes what it has read, or points to a place in it.
QUOTES = ("b'", 'b"', "^")


class Connection(web.RequestHandler):
    """One connection. `handle_error` is where aiohttp answers what never becomes a request of the application's."""

    __slots__ = ("_overdue",)

    def __init__(self, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request."""
        super().connection_made(transport)
        self._overdue = self._loop.call_later(HEAD_S, self._end)

    def data_received(self, data: bytes) -> None:
        """Take bytes; with the first ones of a head its time begins, and with the last ones it is over."""
        super().data_received(data)
        self._break_off()
        if not self._is_waiting():
            self._forget()
        elif self._overdue is None:
            self._overdue = self._loop.call_later(HEAD_S, self._end)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nothing is waited for any more."""
        self._forget()
        super().connection_lost(exc)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """The answer to what is no HTTP, or to what failed outside of every handler, as a problem document.

        Raises:
            ConnectionError: an answer has begun already.
        """
        begun = begin(request)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already, so there can be no other")
        if isinstance(exc, SENDERS):
            problem = Problem(status, "bad-http", "That is no HTTP", f"the request cannot be read: {in_words(exc)}")
        else:
            log.error("request %s failed outside of its handler", request_id(request), exc_info=exc)
            problem = unforeseen(request_id(request))
        answer = _answer(request, problem, begun)
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer. What aiohttp refuses by itself, before there is a handler, becomes a problem document."""
        if isinstance(resp, web.HTTPException) and resp.status >= 400:
            resp = _answer(request, of_status(resp), begin(request))
        return await super().finish_response(request, resp, start_time)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log what aiohttp has caught. A body that cannot be read when its answer has gone is nobody's to mend."""
        if isinstance(error := kw.get("exc_info"), SENDERS):
            log.debug("a request was answered, and the rest of it cannot be read: %s", in_words(error))
        else:
            super().log_exception(*args, **kw)

    def _break_off(self) -> None:
        """Tell the handler that waits for a body that the rest of it is no HTTP; aiohttp would let it wait."""
        if self._current_request is None or not self._messages:
            return
        fault, body = getattr(self._messages[-1][0], "exc", None), self._current_request.content
        if fault is not None and not body.is_eof():
            body.set_exception(web.RequestPayloadError(in_words(fault)))

    def _is_waiting(self) -> bool:
        """Whether there is no whole request to be answered; a connection of another protocol is one."""
        return self._waiter is not None and not self._waiter.done()

    def _forget(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _end(self) -> None:
        self._overdue = None
        if self._is_waiting():
            self.force_close()


class Server(web.Server):
    """Makes a `Connection` of each."""

    def __call__(self) -> Connection:
        """A new connection."""
        return Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application on such connections."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        more = {"handler_cancellation": made.handler_cancellation, "loop": made._loop, **made._kwargs}
        return Server(made.request_handler, request_factory=made.request_factory, **more)


def in_words(error: BaseException) -> str:
    """What a parser says, in one line. It says what is wrong first, and then quotes it."""
    for kind, words in IN_WORDS.items():
        if isinstance(error, kind):
            return words
    text = error.message if isinstance(error, HttpProcessingError) else str(error)
    said = [line.strip().rstrip(":") for line in text.splitlines() if not line.strip().startswith(QUOTES)]
    return one_line(", ".join(filter(None, said)))


def _answer(request: web.BaseRequest, problem: Problem, begun: float) -> web.Response:
    """A problem as an answer that passes no application; logged."""
    answer = problem.answer()
    answer.headers[REQUEST_ID] = request_id(request)
    protect(request, answer)
    say(request, answer, begun)
    return answer
