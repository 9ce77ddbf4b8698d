"""Errors as problem documents, with a request id, and never a traceback."""

import asyncio
import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from streamapp import errors
from streamapp.metrics import Metrics
from streamapp.web import problems
from streamapp.web.problems import KINDS, of_error
from streamapp.web.requests import REQUEST_ID
from tests.unit.web.doubles import make_context, running_api
from tests.unit.web.test_uploads import problem


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.EmptyUpload, 400),
        (errors.UnsupportedFormat, 415),
        (errors.ImageTooLarge, 413),
        (errors.TooManyPixels, 422),
        (errors.UndecodableImage, 422),
        (errors.RowRefused, 422),
        (errors.ObjectMissing, 404),
        (errors.StoreUnavailable, 503),
        (errors.PublishFailed, 503),
        (errors.NotRegistered, 404),
        (errors.RegistryUnavailable, 503),
        (errors.ModelError, None),
    ],
)
def test_each_error_has_its_status(kind: type[errors.StreamappError], status: int | None) -> None:
    found = of_error(kind("words"))
    assert (found and found.status) == status
    assert found is None or found.detail == "words"


def test_every_refusal_of_an_image_has_a_status() -> None:
    assert {kind for kind, *_ in KINDS} >= set(errors.ImageRejected.__subclasses__())


async def test_an_unknown_path_and_a_wrong_method_are_problems() -> None:
    async with running_api(make_context()) as client:
        assert await problem(await client.get("/api/v1/nothing")) == (404, "not-found")
        answer = await client.delete("/api/v1/images")
        assert await problem(answer) == (405, "method-not-allowed")
        assert set(answer.headers["Allow"].replace(" ", "").split(",")) >= {"GET", "POST"}


async def test_what_nobody_foresaw_is_logged_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    context = make_context()
    monkeypatch.setattr(context.db, "recent_images", lambda *_: 1 / 0)
    async with running_api(context) as client:
        answer = await client.get("/api/v1/images")
        assert await problem(answer) == (500, "internal-server-error")
        text = await answer.text()
    number = answer.headers[REQUEST_ID]
    assert number in text and "ZeroDivision" not in text and "Traceback" not in text
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert number in record.getMessage() and record.exc_info is not None


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /api/v1/images HTTP/1.1\r\nHost: \xff", 403),
        (b"POST /api/v1/images HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nOrigin: http://\xff", 403),
        (
            b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nOrigin: http://\xff\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13",
            403,
        ),
        (b"GET /api/v1/images HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: \xff", 200),
    ],
    ids=["host", "origin", "websocket", "request id"],
)
async def test_bytes_that_are_no_text_are_refused_like_anything_wrong(
    head: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_api(make_context()) as client:
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(head + b"\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert answer.split()[1] == str(status).encode(), answer
    assert status == 200 or b"application/problem+json" in answer
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_what_does_not_end_or_answers_get_alone_takes_no_head() -> None:
    async with running_api(make_context()) as client:
        for path in ("/api/v1/events", "/graphql"):
            assert (await client.head(path)).status == 405


@pytest.mark.parametrize(("sent", "kept"), [("abc-1.2_3", True), ("", False), ("x" * 65, False), ("a b", False)])
async def test_every_answer_has_a_request_id(sent: str, kept: bool) -> None:
    async with running_api(make_context()) as client:
        for path in ("/api/v1/images", "/api/v1/nothing", "/api/v1/events"):
            async with client.get(path, headers={REQUEST_ID: sent}) as answer:
                assert (answer.headers[REQUEST_ID] == sent) is kept
                assert len(answer.headers[REQUEST_ID]) == (len(sent) if kept else 32)


async def test_an_error_of_ours_without_a_status_is_our_own_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: web.Request) -> web.StreamResponse:
        raise errors.ModelError("secret")

    app = web.Application(middlewares=[problems.middleware(Metrics(CollectorRegistry()))])
    app.add_routes([web.get("/", broken)])
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/")
        assert await problem(answer) == (500, "internal-server-error")
        assert "secret" not in await answer.text()
    assert "secret" in caplog.text


async def test_redirects_are_no_problems() -> None:
    async def away(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/elsewhere")

    app = web.Application(middlewares=[problems.middleware(Metrics(CollectorRegistry()))])
    app.add_routes([web.get("/", away)])
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (302, "/elsewhere")
