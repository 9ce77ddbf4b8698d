"""What the log says of requests: one line for each answer, with its id, and none that a sender has written."""

import asyncio
import logging
from io import BytesIO
from uuid import uuid4

import pytest

from streamapp.errors import PublishFailed
from streamapp.logs import REQUEST
from streamapp.web.requests import REQUEST_ID, one_line
from tests.unit.ingest.pictures import jpeg
from tests.unit.web.doubles import Broker, make_context, running_api


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What ours has been logged so far, which is forgotten."""
    found = [one.getMessage() for one in caplog.records if one.name.startswith("streamapp")]
    caplog.clear()
    return found


async def test_each_answer_has_a_line_with_its_id(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with running_api(make_context()) as client:
        for method, path, data, status, said in (
            ("GET", "/api/v1/models", None, 200, ""),
            ("GET", "/api/v1/nothing", None, 404, "not-found: "),
            ("PUT", "/api/v1/images", None, 405, "method-not-allowed: "),
            ("GET", f"/api/v1/images/{uuid4()}", None, 404, "not-found: there is no image "),
            ("GET", "/api/v1/images?limit=x", None, 400, "bad-request: "),
            ("POST", "/api/v1/images", {"file": BytesIO(jpeg())}, 202, ""),
            ("POST", "/api/v1/images", {"file": BytesIO(b"GIF89a")}, 415, "unsupported-format: "),
            ("POST", "/api/v1/images", {"label": "cat"}, 415, "unsupported-media-type: "),
        ):
            answer = await client.request(method, path, data=data)
            assert answer.status == status
            [line] = lines(caplog)
            place = f"{method} {path.partition('?')[0]} from 127.0.0.1"
            assert line.startswith(f"request {answer.headers[REQUEST_ID]}: {status} for {place} in "), line
            assert said in line


async def test_successes_are_details_and_so_is_what_is_not_ready_yet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running_api(make_context()) as client:
        for path in ("/api/v1/models", "/readyz"):
            await client.get(path)
        assert lines(caplog) == []


async def test_a_store_that_is_away_is_said_with_the_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    context = make_context()
    broker = context.publish.__self__  # type: ignore[attr-defined]
    assert isinstance(broker, Broker)
    broker.fails = PublishFailed("the broker did not acknowledge a message")
    async with running_api(context) as client:
        answer = await client.post("/api/v1/images", data={"file": BytesIO(jpeg())}, headers={REQUEST_ID: "my-own"})
    assert answer.status == 503
    [line] = lines(caplog)
    assert line.startswith("request my-own: 503 for POST /api/v1/images from 127.0.0.1 in ")
    assert line.endswith(": publish-failed: the broker did not acknowledge a message")


async def test_of_several_files_the_refused_ones_are_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running_api(make_context()) as client:
        files = {"file": BytesIO(jpeg()), "other": BytesIO(b"GIF89a")}
        answer = await client.post("/api/v1/images", data=files)
    assert answer.status == 202
    [line] = lines(caplog)
    assert line.startswith(f"request {answer.headers[REQUEST_ID]}: ")
    assert " was refused: unsupported-format: " in line


async def test_no_path_writes_a_line_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running_api(make_context()) as client:
        await client.get("/api/v1/images/%0aERROR%20forged%1b[31m")
    [line] = lines(caplog)
    assert "\n" not in line and "\x1b" not in line
    assert one_line("a\nb\x1b[0m\udcff" + "x" * 1000).startswith("a\\nb\\x1b[0m\\udcff" + "x" * 200)
    one_line("\udcff").encode()


async def test_requests_at_the_same_time_have_ids_of_their_own() -> None:
    context, seen = make_context(), list[tuple[str, str]]()

    async def get(*_: object) -> None:
        before = REQUEST.get()
        await asyncio.sleep(0.05)
        seen.append((before, REQUEST.get()))

    context.db.image = get  # type: ignore[method-assign]
    async with running_api(context) as client:
        paths = [f"/api/v1/images/{uuid4()}" for _ in range(5)]
        await asyncio.gather(*[client.get(path, headers={REQUEST_ID: path[-36:]}) for path in paths])
    assert sorted(seen) == sorted((path[-36:], path[-36:]) for path in paths)
    assert REQUEST.get() == ""
