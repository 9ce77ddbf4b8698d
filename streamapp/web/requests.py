"""A request's id, which every answer and every log line of it carries, and the line that its answer has in the log."""

import logging
import re
import time
from uuid import uuid4

from aiohttp import web

from streamapp.logs import REQUEST

log = logging.getLogger(__name__)

REQUEST_ID = "X-Request-ID"
#: Asked ten times a second until a worker is ready, which is no news each time.
READY = "/readyz"
#: Why something was refused, for the log.
REASON = web.ResponseKey("reason", str)
#: A reason or a path may be as long as its sender likes; so much of it is logged.
SHOWN_CHARACTERS = 300

_NUMBER = web.RequestKey("request_id", str)
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id(request: web.BaseRequest) -> str:
    """The id of a request: the client's own where it sent a sane one."""
    if _NUMBER not in request:
        sent = request.headers.get(REQUEST_ID, "")
        request[_NUMBER] = sent if _SANE_ID.fullmatch(sent) else uuid4().hex
    number: str = request[_NUMBER]
    return number


async def add_request_id(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: the request's id on every answer, streams and errors too."""
    response.headers[REQUEST_ID] = request_id(request)


def begin(request: web.BaseRequest) -> float:
    """From here on every line that is logged for a request has its id; returns the time, for `say`."""
    REQUEST.set(request_id(request))
    return time.perf_counter()


def say(request: web.BaseRequest, answer: web.StreamResponse, begun: float) -> None:
    """One line for an answer: of refusals and failures always, of everything else where the log is for details."""
    level = logging.DEBUG if answer.status < 400 or request.path == READY else logging.INFO
    if log.isEnabledFor(level):
        milliseconds = (time.perf_counter() - begun) * 1000
        place = one_line(f"{request.method} {request.rel_url.raw_path}")
        why = one_line(f": {answer[REASON]}") if REASON in answer else ""
        whose = f"{place} from {request.remote}"
        log.log(
            level, "request %s: %s for %s in %.1f ms%s", request_id(request), answer.status, whose, milliseconds, why
        )


def say_refused(what: str, why: str) -> None:
    """A line for a part of the present request that was refused, where its answer's own line is not about that."""
    log.info("request %s: %s was refused: %s", REQUEST.get(), one_line(what), one_line(why))


def one_line(text: str) -> str:
    """Text of a sender's as it can be logged: no line of its own, and nothing that a terminal would obey."""
    shown = text[:SHOWN_CHARACTERS]
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in shown)
