"""Live events for browsers and programs (server-sent events): verdicts as they fall, figures once a second."""

import asyncio

from aiohttp import web

from streamapp.web.answers import API
from streamapp.web.broadcast import Event, Subscription
from streamapp.web.context import ApiContext

HEARTBEAT_S = 15.0
#: A reader whose connection takes nothing for this long is dropped, in seconds.
WRITE_TIMEOUT_S = 10.0

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Type": "text/event-stream"}


def routes(context: ApiContext) -> list[web.RouteDef]:
    """The routes of this noun."""

    async def events(request: web.Request) -> web.StreamResponse:
        subscription = context.live.subscribe()
        context.metrics.sse_readers.inc()
        try:
            answer = web.StreamResponse(headers=HEADERS)
            await answer.prepare(request)
            await _forward(subscription, answer)
        except ConnectionError:  # the reader has left: the usual end
            pass
        except TimeoutError:  # it has stopped reading; waiting for its buffer to drain would take as long
            if request.transport is not None:
                request.transport.abort()
        finally:
            subscription.end()
            context.metrics.sse_readers.dec()
        return answer

    return [web.get(f"{API}/events", events)]


async def _forward(subscription: Subscription, answer: web.StreamResponse) -> None:
    """Write events until there are no more.

    Raises:
        TimeoutError: the reader does not take them.
        ConnectionError: it has left.
    """
    await _write(answer, b": welcome\n\n")
    while True:
        try:
            event = await asyncio.wait_for(anext(subscription), HEARTBEAT_S)
        except TimeoutError:
            await _write(answer, b": heartbeat\n\n")
        except StopAsyncIteration:
            return
        else:
            await _write(answer, _encoded(event))


async def _write(answer: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_TIMEOUT_S):
        await answer.write(data)


def _encoded(event: Event) -> bytes:
    """On the wire; JSON as we write it has no line breaks."""
    return b"event: " + event.name.encode() + b"\ndata: " + event.data + b"\n\n"
