"""Uploads by the producers' client: tried again while the API is away or busy, given up when that is of no use."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from streamapp.errors import ApiError, ImageRejected
from streamapp.ingest.produce import client as module
from streamapp.ingest.produce.client import Picture, Uploader
from streamapp.stream import HANDLER_ARGS
from streamapp.web import setup
from tests.unit.ingest.pictures import jpeg
from tests.unit.web.doubles import make_context, running_api

PICTURE = Picture(jpeg(), "cat's photo.jpg", "cifar10", "cat", "door")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(module, "LONGEST_DELAY_S", 0.02)


@asynccontextmanager
async def api(*answers: Callable[[], web.Response]) -> AsyncIterator[tuple[str, list[int]]]:
    """An API that gives these answers, one after the other; yields its URL and the number of requests so far."""
    asked: list[int] = []

    async def handler(request: web.Request) -> web.Response:
        await request.read()
        asked.append(len(asked))
        return answers[min(len(asked), len(answers)) - 1]()

    app = web.Application(client_max_size=10**7)
    app.add_routes([web.post("/api/v1/images", handler)])
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/"), asked


def accepted() -> web.Response:
    return web.json_response({"images": [{"image_id": "7", "url": "", "filename": ""}], "rejected": []}, status=202)


def problem(status: int, detail: str = "why", **headers: str) -> Callable[[], web.Response]:
    return lambda: web.json_response(
        {"title": "t", "detail": detail}, status=status, content_type="application/problem+json", headers=headers
    )


async def test_a_picture_arrives_with_all_that_is_known_of_it() -> None:
    context = make_context()
    async with running_api(context) as client, Uploader(str(client.make_url("/")).rstrip("/")) as uploader:
        image_id = await uploader.send(PICTURE)
        await uploader.send(Picture(jpeg(), "plain.jpg"))
    known, plain = context.db.images.values()
    assert str(known.image_id) == image_id
    assert (known.source, known.label, known.camera_id) == ("cifar10", "cat", "door")
    assert (plain.source, plain.label, plain.camera_id) == ("upload", None, None)
    assert await context.objects.get(known.minio_path) == PICTURE.data


@pytest.mark.parametrize("status", [429, 502, 503])
async def test_a_busy_api_is_asked_again(status: int) -> None:
    answers = (problem(status), problem(status, **{"Retry-After": "1"}), accepted)
    async with api(*answers) as (url, asked), Uploader(url) as uploader:
        assert await uploader.send(PICTURE) == "7"
    assert len(asked) == 3
    assert uploader.retries == 2


async def test_a_connection_that_breaks_after_the_picture_was_taken_makes_no_second_image() -> None:
    context, to_break = make_context(), 2

    @web.middleware
    async def breaking(request: web.Request, handler: Any) -> web.StreamResponse:
        nonlocal to_break
        answer: web.StreamResponse = await handler(request)
        to_break -= 1
        if to_break >= 0 and request.transport:
            request.transport.abort()
        return answer

    app = web.Application(middlewares=[breaking], handler_args=HANDLER_ARGS)
    setup(app, context)
    async with TestServer(app) as server, Uploader(str(server.make_url("/")).rstrip("/")) as uploader:
        image_id = await uploader.send(PICTURE)
        assert uploader.retries == 2
        assert [str(known) for known in context.db.images] == [image_id]
        assert await uploader.send(PICTURE) != image_id, "the same picture, sent on purpose"
    assert len(context.db.images) == 2


async def no_json(_: web.Request) -> web.StreamResponse:
    return web.Response(text="<p>accepted</p>", content_type="text/html", status=202)


async def half(request: web.Request) -> web.StreamResponse:
    """The connection breaks in the middle of the answer."""
    answer = web.StreamResponse(status=202, headers={"Content-Type": "application/json", "Content-Length": "100"})
    await answer.prepare(request)
    await answer.write(b'{"images": [')
    assert request.transport is not None
    request.transport.close()
    return answer


@pytest.mark.parametrize("answer", [no_json, half])
async def test_an_acceptance_that_cannot_be_read_is_asked_for_again_with_the_same_key(answer: Any) -> None:
    keys: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        await request.read()
        keys.append(request.headers["Idempotency-Key"])
        return accepted() if len(keys) > 1 else await answer(request)

    app = web.Application()
    app.add_routes([web.post("/api/v1/images", handler)])
    async with TestServer(app) as server, Uploader(str(server.make_url("/")).rstrip("/")) as uploader:
        assert await uploader.send(PICTURE) == "7"
    assert len(keys) == 2 and len(set(keys)) == 1


@pytest.mark.parametrize("body", ["{", "[]", "null", '{"images": []}'])
async def test_an_acceptance_without_an_image_is_no_image_api(body: str) -> None:
    answer = partial(web.Response, text=body, content_type="application/json", status=202)
    async with api(answer) as (url, _), Uploader(url) as uploader:
        with pytest.raises(ApiError, match="answered 202 without an image id"):
            await uploader.send(PICTURE)


@pytest.mark.parametrize("url", ["localhost:8001", "http://127.0.0.1:99999"])
async def test_an_address_that_cannot_be_one_is_said_at_once(url: str) -> None:
    async with Uploader(url) as uploader:
        with pytest.raises(ApiError, match=f"--api-url must be http.s.://host:port, not '{url}'"):
            await uploader.send(PICTURE)
    assert uploader.retries == 0


async def test_an_api_that_comes_back_is_found_again() -> None:
    port = unused_port()
    async with Uploader(f"http://127.0.0.1:{port}") as uploader:
        sending = asyncio.create_task(uploader.send(PICTURE))
        await asyncio.sleep(0.05)
        app = web.Application(client_max_size=10**7)
        app.add_routes([web.post("/api/v1/images", _accept)])
        async with TestServer(app, port=port):
            assert await asyncio.wait_for(sending, 3) == "7"
    assert uploader.retries >= 2


async def _accept(request: web.Request) -> web.Response:
    await request.read()
    return accepted()


async def test_an_api_that_never_answers_is_given_up_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_CONTACT_S", 0.1)
    async with Uploader(f"http://127.0.0.1:{unused_port()}") as uploader:
        with pytest.raises(ApiError, match="streamapp up"):
            await uploader.send(PICTURE)


async def test_an_api_that_stays_busy_is_given_up_without_that_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.1)
    async with api(problem(503, "no broker")) as (url, _), Uploader(url) as uploader:
        with pytest.raises(ApiError, match="no broker") as raised:
            await uploader.send(PICTURE)
    assert "streamapp up" not in str(raised.value)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_a_refused_file_is_not_sent_again(status: int) -> None:
    async with api(problem(status, "animated")) as (url, asked), Uploader(url) as uploader:
        with pytest.raises(ImageRejected, match="animated"):
            await uploader.send(PICTURE)
    assert len(asked) == 1


@pytest.mark.parametrize("answer", [problem(404), problem(500), lambda: web.Response(text="hello")])
async def test_anything_else_is_no_image_api(answer: Any) -> None:
    async with api(answer) as (url, asked), Uploader(url) as uploader:
        with pytest.raises(ApiError, match="/api/v1/images answered"):
            await uploader.send(PICTURE)
    assert len(asked) == 1
