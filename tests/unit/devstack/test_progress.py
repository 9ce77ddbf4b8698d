"""The progress line says what the statistics say."""

import asyncio
import io
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from streamapp.devstack import progress
from streamapp.devstack.log import LogBook
from streamapp.devstack.progress import Progress, progress_line

RESNET = {
    "model_name": "resnet50",
    "throughput_imgs_per_sec": 9.94,
    "total_predictions": 1234,
    "errors": 0,
    "trained": True,
}


def test_rate_and_totals() -> None:
    other = {**RESNET, "model_name": "mobilenet", "throughput_imgs_per_sec": 10.06, "total_predictions": 12}

    assert progress_line([RESNET, other]) == "10.1 images/s · resnet50 1,234 · mobilenet 12"


def test_errors_and_untrained_weights_are_said() -> None:
    assert progress_line([{**RESNET, "errors": 7, "trained": False}]).endswith("resnet50 (untrained) 1,234, 7 errors")


def test_an_empty_stack_says_so() -> None:
    assert progress_line([]) == "no predictions yet"


async def test_it_says_to_the_api_who_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: asyncio.Queue[str] = asyncio.Queue()

    async def stats(request: web.Request) -> web.Response:
        asked.put_nowait(request.headers.get("Authorization", "nobody"))
        return web.json_response({"models": []})

    monkeypatch.setenv("STREAMAPP_API_TOKEN", "sk_1")
    monkeypatch.setattr(progress, "EVERY_S", 0.01)
    app = web.Application()
    app.add_routes([web.get("/api/v1/stats", stats)])
    with closing(LogBook(tmp_path, io.StringIO())) as book:
        async with TestServer(app) as server, Progress(str(server.make_url("")), book):
            assert await asyncio.wait_for(asked.get(), 5) == "Bearer sk_1"
