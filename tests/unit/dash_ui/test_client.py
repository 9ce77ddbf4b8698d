import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dash_ui.client import Api, ApiDown, ApiProblem, parse_events

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def api(handler: Handler) -> AsyncIterator[Api]:
    """A client of a server that answers everything with `handler`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server, Api(str(server.make_url("/"))) as client:
        yield client


async def lines(*text: str) -> AsyncIterator[bytes]:
    for line in text:
        yield line.encode()


async def test_events_are_read_comments_and_unknown_fields_are_not() -> None:
    stream = lines(
        ": hello\n", "\n", "id: 1\r\n", "event: verdict\r\n", 'data: {"a":\n', "data: 1}\n", "\n", "data: 2\n", "\n"
    )
    assert [event async for event in parse_events(stream)] == [("verdict", {"a": 1}), ("message", 2)]


async def test_a_refusal_carries_the_words_of_the_api() -> None:
    async def refuse(_: web.Request) -> web.Response:
        body = {"title": "Unsupported format", "detail": "not an image", "status": 415}
        return web.json_response(body, status=415, content_type="application/problem+json")

    async with api(refuse) as client:
        with pytest.raises(ApiProblem) as refused:
            await client.upload("a.txt", b"hello")
    assert (refused.value.status, refused.value.title, refused.value.detail) == (
        415,
        "Unsupported format",
        "not an image",
    )


async def test_a_refusal_without_problem_details_is_still_one_line() -> None:
    async def break_down(_: web.Request) -> web.Response:
        return web.Response(text="<h1>oh</h1>", status=503)

    async with api(break_down) as client:
        with pytest.raises(ApiProblem, match="503 Service Unavailable"):
            await client.models()


async def test_an_upload_is_multipart_with_its_name() -> None:
    seen: dict[str, Any] = {}

    async def take(request: web.Request) -> web.Response:
        part = await anext(aiter(await request.multipart()))
        seen.update(name=part.name, filename=part.filename, data=bytes(await part.read()))
        return web.json_response({"images": [{"image_id": "1"}], "rejected": []}, status=202)

    async with api(take) as client:
        assert (await client.upload('café "x".jpg', b"\xff\xd8"))["images"][0]["image_id"] == "1"
    assert seen == {"name": "file", "filename": 'café "x".jpg', "data": b"\xff\xd8"}


async def test_a_server_that_is_not_there_is_down(unused_tcp_port: int) -> None:
    async with Api(f"http://127.0.0.1:{unused_tcp_port}") as client:
        with pytest.raises(ApiDown):
            await client.newest(12)
        with pytest.raises(ApiDown):
            async with client.events():
                pass


async def test_a_stream_that_breaks_is_down_and_gives_what_it_had() -> None:
    async def tear(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b'event: stats\ndata: {"window": "1m"}\n\n')
        assert request.transport is not None
        request.transport.abort()
        return response

    seen = []
    async with api(tear) as client:
        with pytest.raises(ApiDown):
            async with client.events() as events:
                async for event in events:
                    seen.append(event)
    assert seen == [("stats", {"window": "1m"})]


async def test_large_events_arrive_whole() -> None:
    verdict = {"top_k": ["x" * 1000] * 150}

    async def send(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(f"event: verdict\ndata: {json.dumps(verdict)}\n\n".encode())
        return response

    async with api(send) as client, client.events() as events:
        assert [event async for event in events] == [("verdict", verdict)]
