"""Unsplash against a server of our own: its terms are kept, also over restarts."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from streamapp.errors import SourceError
from streamapp.ingest.produce import unsplash as module
from streamapp.ingest.produce.budget import HOUR_S, HourlyBudget
from streamapp.ingest.produce.unsplash import Unsplash
from tests.unit.ingest.pictures import jpeg

ROOT = Path(__file__).parents[3]


class FakeUnsplash:
    """Random photographs, three at a time; counts what it is asked."""

    def __init__(self) -> None:
        self.random: list[Any] = []
        self.downloads: list[str] = []
        self.files = 0
        self.refuse: list[web.Response] = []
        self.body: Any = None

    async def give_random(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"] != "Client-ID key":
            return web.Response(status=401)
        self.random.append(dict(request.query))
        if self.refuse:
            return self.refuse.pop(0)
        base = f"http://{request.host}"
        photos = [
            {
                "id": f"p{number}",
                "urls": {"regular": f"{base}/files/{number}"},
                "links": {
                    "download_location": f"{base}/photos/p{number}/download?ixid=1",
                    "html": f"https://u/p{number}",
                },
                "user": {"name": f"Author {number}"},
            }
            for number in range(3)
        ]
        return web.json_response(photos if self.body is None else self.body)

    async def note_download(self, request: web.Request) -> web.Response:
        self.downloads.append(f"{request.match_info['id']}?{request.query_string}")
        return web.json_response({})

    async def give_file(self, request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers
        self.files += 1
        return web.Response(body=jpeg())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        app = web.Application()
        app.add_routes(
            [
                web.get("/photos/random", self.give_random),
                web.get("/photos/{id}/download", self.note_download),
                web.get("/files/{n}", self.give_file),
            ]
        )
        async with TestServer(app) as server:
            yield str(server.make_url("/")).rstrip("/")


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def client(api: str, path: Path, said: list[str], *, key: str = "key", limit: int = 50, **options: Any) -> Unsplash:
    return Unsplash(key, HourlyBudget(path / "unsplash.json", limit, **options), said.append, query="cats", api=api)


async def take(source: Unsplash, count: int) -> list[str]:
    pictures = source.pictures()
    async with asyncio.timeout(5):
        names = [(await anext(pictures)).filename for _ in range(count)]
    await pictures.aclose()
    return names


async def test_photographs_are_reported_as_downloaded_and_their_authors_named(tmp_path: Path) -> None:
    server, said = FakeUnsplash(), list[str]()
    async with server.running() as api:
        assert await take(client(api, tmp_path, said), 4) == ["p0.jpg", "p1.jpg", "p2.jpg", "p0.jpg"]
    assert server.random == [{"count": "30", "query": "cats"}] * 2
    assert server.downloads == ["p0?ixid=1", "p1?ixid=1", "p2?ixid=1", "p0?ixid=1"]
    assert said[1] == "Photo by Author 1 on Unsplash: https://u/p1"
    assert len(json.loads((tmp_path / "unsplash.json").read_text())) == 6


async def test_the_hourly_budget_outlives_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_WAIT_S", 0.01)
    server, said, clock = FakeUnsplash(), list[str](), Clock()
    async with server.running() as api:
        await take(client(api, tmp_path, said, limit=3, clock=clock), 2)
        waiting = asyncio.create_task(take(client(api, tmp_path, said, limit=3, clock=clock), 1))
        await asyncio.sleep(0.05)
        assert len(server.random) == 1 and not waiting.done()
        assert "the next one in 60 min" in said[-1] and len(said) == 3
        clock.now += HOUR_S + 1
        assert await waiting == ["p0.jpg"]
        assert len(server.random) == 2


async def test_when_unsplash_says_that_the_hour_is_used_up_it_is(tmp_path: Path) -> None:
    server, said, clock = FakeUnsplash(), list[str](), Clock()
    server.refuse = [web.Response(status=403, headers={"X-Ratelimit-Remaining": "0"})]
    budget = HourlyBudget(tmp_path / "unsplash.json", 50, clock)
    async with server.running() as api:
        pictures = Unsplash("key", budget, said.append, api=api).pictures()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(pictures), 0.1)
        await pictures.aclose()
    assert budget.wait_s() == HOUR_S


@pytest.mark.parametrize(
    ("status", "words"), [(401, "refuses the key in UNSPLASH_ACCESS_KEY"), (404, "answered 404"), (500, "answered 500")]
)
async def test_a_refusal_is_one_clear_line(status: int, words: str, tmp_path: Path) -> None:
    server = FakeUnsplash()
    server.refuse = [web.Response(status=status)] if status != 401 else []
    async with server.running() as api:
        with pytest.raises(SourceError, match=words):
            await take(client(api, tmp_path, [], key="wrong" if status == 401 else "key"), 1)


@pytest.mark.parametrize("body", [{"errors": []}, [{"id": "x"}], "no"])
async def test_an_answer_of_another_shape_is_an_error_of_the_source(body: Any, tmp_path: Path) -> None:
    server = FakeUnsplash()
    server.body = body
    async with server.running() as api:
        with pytest.raises(SourceError, match="something else"):
            await take(client(api, tmp_path, []), 1)


async def test_a_server_that_is_away_is_given_up_after_some_tries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_DELAY_S", 0.001)
    with pytest.raises(SourceError, match="does not answer"):
        await take(client(f"http://127.0.0.1:{unused_port()}", tmp_path, []), 1)


def test_without_a_key_it_says_where_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"UNSPLASH_ACCESS_KEY.*unsplash\.com/developers"):
        client("http://x", tmp_path, [], key="")


def test_an_hour_slides(tmp_path: Path) -> None:
    clock = Clock()
    budget = HourlyBudget(tmp_path / "deep" / "b.json", 2, clock)
    assert budget.wait_s() == 0
    budget.spend()
    clock.now += 600
    budget.spend()
    assert budget.wait_s() == 3000
    clock.now += 3001
    assert budget.wait_s() == 0
    budget.spend()
    assert budget.wait_s() == pytest.approx(599)


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', '["x"]', "7"])
def test_a_damaged_file_counts_as_a_full_hour(text: str, tmp_path: Path) -> None:
    path, clock = tmp_path / "b.json", Clock()
    path.write_text(text)
    budget = HourlyBudget(path, 50, clock)
    assert budget.wait_s() == HOUR_S
    clock.now += HOUR_S
    assert budget.wait_s() == 0


def test_a_file_that_cannot_be_written_is_an_error_and_no_licence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot be written"):
        HourlyBudget(tmp_path / "file" / "b.json", 50).spend()


def test_its_variables_are_in_the_list_of_settings() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    assert [name for name in (module.KEY_VARIABLE, module.API_VARIABLE) if f"- `{name}`: " not in text] == []
