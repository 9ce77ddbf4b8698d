"""The page of GraphiQL: whole, and from nowhere else."""

import re
from importlib.resources import files

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from streamapp.web.auth import is_open
from streamapp.web.graphql import page


@pytest.fixture
async def client() -> TestClient:
    app = web.Application()
    app.add_routes(page.routes())
    return TestClient(TestServer(app))


async def test_everything_that_the_page_needs_is_served_by_us_to_everybody(client: TestClient) -> None:
    async with client:
        answer = await client.get("/graphiql")
        text = await answer.text()
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "//" not in text.replace("<!doctype", "")
        wanted = re.findall(r'(?:src|href)="([^"]+)"', text)
        assert len(wanted) == 5
        for place in ("/graphiql", *wanted):
            assert is_open(place), place
            async with client.get(place) as file:
                assert (file.status, bool(await file.read())) == (200, True), place


def test_nothing_is_fetched_from_elsewhere() -> None:
    for name in ("graphiql.js", "react.js", "react-dom.js", "start.js", "graphiql.css"):
        text = (files("streamapp.web") / "static" / "graphiql" / name).read_text()
        assert not re.search(r"sourceMappingURL|url\(\"?https?:|import\(|importScripts|\beval\(", text), name
