"""What is no HTTP, byte for byte as it comes: every answer is a problem document, and no traceback is logged."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from streamapp.access.callers import tls
from streamapp.application import create_app
from streamapp.settings import Settings
from streamapp.web import server, setup
from streamapp.web.requests import REQUEST_ID
from tests.support.kafka_config import self_signed
from tests.unit.web.doubles import ServedAsByWorkers, make_context, running_api

HOST = b"Host: localhost\r\n"
CHUNKED = b" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: "
JSON, FORM = CHUNKED + b"application/json\r\n\r\n", CHUNKED + b"multipart/form-data; boundary=x\r\n\r\n"
NO_HTTP = {
    "bytes in the path": b"GET /api/v1/\xff\xfe HTTP/1.1\r\n" + HOST,
    "bytes in the query": b"GET /api/v1/images?q=\xff HTTP/1.1\r\n" + HOST,
    "nul in the path": b"GET /api\x00 HTTP/1.1\r\n" + HOST,
    "spaces in the path": b"GET /api/v1/images of mine HTTP/1.1\r\n" + HOST,
    "no request line": b"NONSENSE\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\r\n",
    "no url": b"GET http://[::1 HTTP/1.1\r\n" + HOST,
    "a long line": b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n" + HOST,
    "a long header": b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 10_000 + b"\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + HOST + b"X: 1\r\n" * 5_000,
    "a header's name": b"GET / HTTP/1.1\r\n" + HOST + b"X\x00Y: 1\r\n",
    "a header's value": b"GET / HTTP/1.1\r\n" + HOST + b"X: \x00\r\n",
    "another version": b"GET / HTTP/9.9\r\n" + HOST,
    "no host": b"GET / HTTP/1.1\r\n",
    "two lengths": b"POST /graphql HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 4\r\n",
    "no length": b"POST /graphql HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n",
    "length and chunks": b"POST /graphql HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "a chunk's size": b"POST /graphql" + JSON + b"zz\r\n{}\r\n",
}


async def answered(client: TestClient, *parts: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to bytes, with a moment between their parts."""
    async with connected(client) as (reader, writer):
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.05)
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode().split("\r\n")
        headers = {name: value for name, _, value in (line.partition(": ") for line in head[1:-2])}
        return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["Content-Length"]))


@asynccontextmanager
async def connected(client: TestClient) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def assert_is_problem(headers: dict[str, str], body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A problem document with everything that other answers have; one line about it, which has its id."""
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    document = json.loads(body)
    assert set(document) == {"type", "title", "status", "detail"}
    assert "b'" not in document["detail"] and "\n" not in document["detail"]
    ours = [one for one in caplog.records if one.name != "aiohttp.access" and one.levelno >= logging.INFO]
    assert [headers[REQUEST_ID] in one.getMessage() for one in ours] == [True]
    assert "\n" not in ours[0].getMessage() and ours[0].exc_info is None


@pytest.mark.parametrize("head", NO_HTTP.values(), ids=NO_HTTP)
async def test_what_is_no_http_is_answered_like_every_other_error(
    head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with running_api(make_context()) as client:
        status, headers, body = await answered(client, head + b"\r\n")
    assert status == 400
    assert_is_problem(headers, body, caplog)


@pytest.mark.parametrize(
    "parts",
    [
        (b"POST /api/v1/labels" + JSON, b"zz\r\n{}\r\n"),
        (b"POST /api/v1/labels" + JSON, b"2\r\n{}\r\n", b"-1\r\n"),
        (b"POST /graphql" + JSON, b"2\r\n{}oh\r\n"),
        (b"POST /api/v1/images" + FORM, b"5\r\n--x\r\n\r\n", b"\xff\r\n"),
    ],
)
async def test_a_body_that_ceases_to_be_http_is_refused_at_once(
    parts: tuple[bytes, ...], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with running_api(make_context()) as client:
        status, headers, body = await answered(client, *parts)
        await asyncio.sleep(0.05)
    assert status == 400
    assert_is_problem(headers, body, caplog)


async def test_what_comes_behind_a_good_request_is_refused_without_harm_to_it() -> None:
    async with running_api(make_context()) as client:
        good = b"GET /api/v1/models HTTP/1.1\r\n" + HOST + b"\r\n"
        assert (await answered(client, good, b"NONSENSE\r\n\r\n"))[0] == 200


async def test_what_aiohttp_refuses_by_itself_is_a_problem_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running_api(make_context()) as client:
        head = b"GET /api/v1/models HTTP/1.1\r\nExpect: the worst\r\n" + HOST + b"\r\n"
        status, headers, body = await answered(client, head)
    assert status == 417
    assert_is_problem(headers, body, caplog)


async def test_what_fails_outside_of_every_handler_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    app = web.Application()
    app.on_response_prepare.append(broken)
    async with TestClient(ServedAsByWorkers(app)) as client:
        with pytest.raises(aiohttp.ServerDisconnectedError):  # nor can the answer to that be prepared
            await client.get("/")
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("before", "first"), [(b"", b""), (b"", b"GET /"), (b"GET /api/v1/models HTTP/1.1\r\n" + HOST + b"\r\n", b"GET /")]
)
async def test_a_head_that_dribbles_is_not_waited_for(
    before: bytes, first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_S", 0.3)
    async with running_api(make_context()) as client, connected(client) as (reader, writer):
        if before:
            writer.write(before)
            await reader.readuntil(b'{"models":[]}')
        writer.write(first)
        rest = asyncio.create_task(reader.read())
        async with asyncio.timeout(5):
            while not rest.done():
                writer.write(b"x" if first else b"")
                await asyncio.wait({rest}, timeout=0.05)
        assert rest.exception() is not None or rest.result() == b""


async def test_a_body_and_a_pause_between_requests_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_S", 0.2)
    async with running_api(make_context()) as client:
        post = b"POST /api/v1/labels HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n" + HOST
        status, _, _ = await answered(client, post + b"\r\n", *[b""] * 8, b"{", *[b""] * 8, b"}")
        assert status == 400, "there are no labels in it"
        async with connected(client) as (reader, writer):
            for _ in range(2):
                writer.write(b"GET /api/v1/models HTTP/1.1\r\n" + HOST + b"\r\n")
                await asyncio.wait_for(reader.readuntil(b'{"models":[]}'), 5)
                await asyncio.sleep(0.5)


def test_workers_have_these_connections() -> None:
    app = create_app(Settings(roles="api"))
    assert isinstance(app.web._runner, server.Runner)


async def test_a_browser_that_was_here_over_tls_comes_back_so(tmp_path: Path) -> None:
    app = web.Application()
    setup(app, make_context())
    https = ServedAsByWorkers(app, scheme="https")
    await https.start_server(ssl=tls(Settings(tls_cert=str(self_signed(tmp_path)))))
    try:
        async with aiohttp.ClientSession() as http:
            for host, sent in (("vision.example.org", True), ("localhost:8001", False), ("127.0.0.1", False)):
                async with http.get(https.make_url("/api/v1/models"), ssl=False, headers={"Host": host}) as answer:
                    assert ("Strict-Transport-Security" in answer.headers) is sent, host
    finally:
        await https.close()


async def test_over_http_a_browser_would_not_believe_it() -> None:
    async with running_api(make_context()) as client:
        headers = (await client.get("/api/v1/models", headers={"Host": "vision.example.org"})).headers
    assert "Strict-Transport-Security" not in headers
