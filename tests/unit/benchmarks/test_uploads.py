"""What the benchmarks of uploads and of readers send and count."""

import asyncio
import itertools
import subprocess
import sys
from io import BytesIO
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image

from benchmarks import readers, uploads
from tests.unit.web.doubles import until


def test_the_images_are_jpegs_of_the_size_that_is_said() -> None:
    pictures = list(itertools.islice(uploads.photographs(), uploads.DIFFERENT + 1))
    assert len({picture.data for picture in pictures}) == uploads.DIFFERENT
    for picture in pictures:
        assert len(picture.data) == pytest.approx(uploads.SIZE_BYTES, rel=0.15)
        with Image.open(BytesIO(picture.data)) as image:
            assert (image.format, image.size) == ("JPEG", (640, 480))


def test_what_misses_a_goal_is_not_good(capsys: pytest.CaptureFixture[str]) -> None:
    good: dict[str, Any] = {
        "one_client_ms": {"p50": 14.0, "p95": 20.0, "p99": 30.0},
        "per_second": 120.0,
        "cpu_ms_per_upload": {"api-1": 6.0},
    }
    assert uploads.show(good)
    assert not uploads.show({**good, "per_second": 99.0})
    assert not uploads.show({**good, "one_client_ms": {"p50": 15.1, "p95": 20.0, "p99": 30.0}})
    alone, watched = readers.Lap(100.0, 5.0), readers.Lap(95.0, 7.0)
    rounds: dict[str, Any] = {"alone": [alone], "watched": [watched], "lost": 0.05, "dropped": 0, "bytes_sent": 1}
    assert readers.show(rounds)
    assert not readers.show({**rounds, "lost": 0.1})
    assert not readers.show({**rounds, "dropped": 1})
    assert "99.0" in capsys.readouterr().out


@pytest.mark.parametrize("token", ["", "a-key"])
async def test_listeners_take_what_comes_and_say_how_much(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAPP_API_TOKEN", token)
    asked, keys = 0, set()

    async def events(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        keys.add(request.headers.get("Authorization"))
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"x" * 1000)
        await asyncio.Event().wait()
        return answer

    app = web.Application(handler_args={"handler_cancellation": True})
    app.add_routes([web.get("/api/v1/events", events)])
    async with TestServer(app) as server:
        command = [sys.executable, "-m", "benchmarks.listeners", str(server.make_url("/")), "5"]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
            assert process.stdin and process.stdout
            assert await asyncio.to_thread(process.stdout.readline) == "listening\n"
            await until(lambda: asked == 5)
            await asyncio.sleep(0.2)
            process.stdin.close()
            count, dropped = (await asyncio.to_thread(process.stdout.readline)).split()
    assert int(count) > 5 * 1000
    assert dropped == "0"
    assert keys == {f"Bearer {token}" if token else None}
