"""Live events for browsers and programs (server-sent events): verdicts, alerts, and figures once a second."""

import asyncio
from collections.abc import Callable

from aiohttp import web
from pydantic import Field

from streamapp.web.auth import Stay
from streamapp.web.broadcast import Event, Subscription
from streamapp.web.context import ApiContext
from streamapp.web.inputs import Input
from streamapp.web.operations import EVENT_STREAM, Operation

HEARTBEAT_S = 15.0
#: A reader whose connection takes nothing for this long is dropped, in seconds.
WRITE_TIMEOUT_S = 10.0
#: Pause after a write for each reader that there is, and the longest: many readers get several events at once.
PAUSE_S, LONGEST_PAUSE_S = 0.00125, 0.25
#: Says that events are missing between the reader's last one and the next: it should read the lists again.
GAP = Event("gap", b"{}")

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Type": EVENT_STREAM}


class EventHeaders(Input):
    """What a reader who comes back says."""

    last_id: str | None = Field(
        None, alias="Last-Event-ID", description="The id of its last event: those after it come first."
    )


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""
    live = context.live

    async def events(request: web.Request, headers: EventHeaders) -> web.StreamResponse:
        """Live events: verdicts and alerts as they come, figures once a second."""
        subscription = live.subscribe()
        first = _first(live.missed, headers.last_id)
        context.metrics.sse_readers.inc()
        try:
            answer = web.StreamResponse(headers=HEADERS)
            await answer.prepare(request)
            await _forward(
                subscription, answer, first, lambda: min(LONGEST_PAUSE_S, PAUSE_S * live.readers), Stay(request)
            )
        except ConnectionError:  # the reader has left: the usual end
            pass
        except TimeoutError:  # it has stopped reading; waiting for its buffer to drain would take as long
            if request.transport is not None:
                request.transport.abort()
        finally:
            subscription.end()
            context.metrics.sse_readers.dec()
        return answer

    return [Operation("GET", "/events", events, content_type=EVENT_STREAM)]


def _first(missed: Callable[[str], list[Event] | None], last_id: str | None) -> bytes:
    """What a reader is sent at once: a new one a welcome, one who comes back what there was in between."""
    if last_id is None:
        return b": welcome\n\n"
    events = missed(last_id)
    return b": welcome back\n\n" + b"".join(event.wire for event in ([GAP] if events is None else events))


async def _forward(
    subscription: Subscription, answer: web.StreamResponse, first: bytes, pause_s: Callable[[], float], stay: Stay
) -> None:
    """Write events until there are no more, or the reader may have no more.

    Raises:
        TimeoutError: the reader does not take them.
        ConnectionError: it has left.
    """
    await _write(answer, first)
    while (data := await _next(subscription)) and not await stay.is_over():
        await _write(answer, data)
        await asyncio.sleep(pause_s())


async def _next(subscription: Subscription) -> bytes:
    """Every event that waits, or the next one, or after a while a heartbeat; nothing at the end."""
    if not (events := subscription.waiting()):
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                events = [await anext(subscription)]
        except TimeoutError:
            return b": heartbeat\n\n"
        except StopAsyncIteration:
            return b""
    return b"".join(event.wire for event in events)


async def _write(answer: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_TIMEOUT_S):
        await answer.write(data)
