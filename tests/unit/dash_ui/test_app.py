"""The dashboard as a web server, in this process, in front of the fake API."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import uvicorn

from dash_ui.app import create_app
from dash_ui.view import PAGES
from tests.support.fake_api import FakeApi
from tests.support.fake_races import jpeg
from tests.unit.dash_ui.pieces import until

OVER_10_MB = b"\xff\xd8\xff" + bytes(10 * 1024 * 1024)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi(every_s=0) as fake:
        yield fake


@pytest.fixture
async def dashboard(api: FakeApi) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the dashboard, its paths relative to it."""
    config = uvicorn.Config(create_app(api.url).server, port=0, log_level="warning", lifespan="on")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        yield session
    server.should_exit = True
    await serving


async def test_the_page_asks_for_nothing_elsewhere(dashboard: aiohttp.ClientSession) -> None:
    async with dashboard.get("/") as response:
        page = await response.text()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) > 5
    assert all(url.startswith("/") and not url.startswith("//") for url in loaded)


async def test_the_first_request_may_be_for_any_page(dashboard: aiohttp.ClientSession) -> None:
    async with dashboard.get("/system") as response:
        assert "/assets/tree.js" in await response.text()


@pytest.mark.parametrize("path", ["/nowhere", "/images/17"])
async def test_the_page_that_is_shown_is_one_that_there_is(dashboard: aiohttp.ClientSession, path: str) -> None:
    """The browser takes it from the path as the server does: what is no page is the first one."""
    async with dashboard.get(path) as response:
        (script,) = re.findall(r"<script>\s+(document.*?)\s+</script>", await response.text(), re.DOTALL)
    begin, _, choice = re.sub(r"\s+", " ", script).partition(".find(name => name === location.pathname")
    assert begin == f"document.documentElement.dataset.page = {json.dumps(PAGES)}"
    assert choice.endswith(f' || "{PAGES[0]}";')


async def test_the_past_is_exported_as_a_table(dashboard: aiohttp.ClientSession) -> None:
    async with dashboard.get("/export.csv?window=1h") as response:
        assert response.content_type == "text/csv"
        assert len((await response.text()).splitlines()) == 1 + 3 * 60
    async with dashboard.get("/export.csv?window=9y") as response:
        assert response.status == 400
        assert "window is one of" in (await response.json())["detail"]


async def test_how_times_are_distributed_is_exported_too(dashboard: aiohttp.ClientSession, api: FakeApi) -> None:
    api.world.race()
    async with dashboard.get("/export.csv?window=10m&figures=distributions") as response:
        lines = (await response.text()).splitlines()
    assert lines[0] == "model,stage,predictions,share,ms"
    assert len(lines) == 1 + 3 * 6 * 101
    async with dashboard.get("/export.csv?window=10m&figures=fish") as response:
        assert response.status == 400


@pytest.mark.parametrize(
    ("figures", "head"),
    [
        ("plane", "model,predictions,labelled,correct"),
        ("agreement", "model,other,images"),
        ("calibration", "model,answers,correct,confidence"),
        ("confusion", "model,label,answer,images"),
    ],
)
async def test_what_is_compared_is_exported(
    dashboard: aiohttp.ClientSession, api: FakeApi, figures: str, head: str
) -> None:
    api.world.race(label="cat")
    async with dashboard.get(f"/export.csv?window=10m&figures={figures}") as response:
        assert response.content_type == "text/csv"
        lines = (await response.text()).splitlines()
    assert lines[0].startswith(head)
    assert len(lines) >= 1 + 3


async def test_health_says_how_the_api_is(dashboard: aiohttp.ClientSession, api: FakeApi) -> None:
    async def link() -> str:
        async with dashboard.get("/healthz") as response:
            assert response.status == 200
            return str((await response.json())["api"])

    async def is_(state: str) -> bool:
        return await link() == state

    await until(lambda: is_("live"))
    api.go_away()
    await until(lambda: is_("down"))


async def test_thumbnails_come_through_the_dashboard(dashboard: aiohttp.ClientSession, api: FakeApi) -> None:
    image_id = api.world.race()["image_id"]
    async with dashboard.get(f"/thumb/{image_id}") as response:
        assert response.content_type == "image/jpeg"
        assert "immutable" in response.headers["Cache-Control"]
        thumbnail = await response.read()
    assert thumbnail == jpeg(*api.world.photos[image_id], 256)
    async with dashboard.get(f"/original/{image_id}") as response:
        assert await response.read() == jpeg(*api.world.photos[image_id], 480)


@pytest.mark.parametrize("path", ["/thumb/../../stats", "/thumb/x", "/thumb/00000000-0000-0000-0000-000000000000"])
async def test_what_is_no_image_is_not_found(dashboard: aiohttp.ClientSession, path: str) -> None:
    async with dashboard.get(path) as response:
        assert response.status in (404, 422) or response.content_type == "text/html"
        assert not response.content_type.startswith("image/")


async def test_an_upload_goes_to_the_api(dashboard: aiohttp.ClientSession, api: FakeApi) -> None:
    async with dashboard.post("/upload", data=jpeg("chelsea", 0, 64), headers={"X-Filename": "%C3%A9.jpg"}) as response:
        assert response.status == 202
        image_id = (await response.json())["image_id"]
    async with dashboard.get(f"{api.url}/api/v1/images/{image_id}") as known:
        assert (known.status, (await known.json())["verdict"]) == (200, None), "accepted, and not raced yet"
    await until(lambda: image_id in api.world.photos)


async def test_a_refused_upload_says_why(dashboard: aiohttp.ClientSession) -> None:
    async with dashboard.post("/upload", data=b"hello", headers={"X-Filename": "notes.txt"}) as response:
        assert response.status == 415
        assert response.content_type == "application/problem+json"
        assert (await response.json())["detail"] == "the content is not a JPEG, PNG or WebP image"


async def test_an_upload_over_10_mb_is_refused_before_it_is_passed_on(dashboard: aiohttp.ClientSession) -> None:
    async def pieces() -> AsyncIterator[bytes]:  # without a Content-Length to go by
        yield OVER_10_MB

    async with dashboard.post("/upload", data=pieces(), headers={"X-Filename": "big.jpg"}) as response:
        assert response.status == 413
        assert "10 MB" in (await response.json())["detail"]


async def test_another_site_cannot_upload(dashboard: aiohttp.ClientSession, api: FakeApi) -> None:
    async with dashboard.post("/upload", data=jpeg("chelsea", 0, 64)) as response:
        assert response.status == 422
    async with dashboard.options(
        "/upload", headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    ) as response:
        assert "Access-Control-Allow-Origin" not in response.headers
    assert api.world.photos == {}


async def test_without_the_api_uploads_and_pictures_say_so(dashboard: aiohttp.ClientSession, api: FakeApi) -> None:
    api.go_away()
    async with dashboard.post("/upload", data=jpeg("chelsea", 0, 64), headers={"X-Filename": "a.jpg"}) as response:
        assert response.status == 502
        assert (await response.json())["title"] == "The API does not answer"
    async with dashboard.get("/thumb/00000000-0000-0000-0000-000000000001") as response:
        assert response.status == 502


async def test_the_page_speaks_the_visitors_language(dashboard: aiohttp.ClientSession) -> None:
    async def first(headers: dict[str, str]) -> str:
        async with dashboard.get("/", headers=headers) as response:
            return await response.text()

    assert '<html lang="en">' in await first({})
    spanish = await first({"Accept-Language": "es-AR,es;q=0.9"})
    assert '<html lang="es">' in spanish
    assert "conviene usar" in spanish
    assert '<html lang="en">' in await first({"Accept-Language": "es", "Cookie": 'language=en; other="x'})


async def test_the_layout_knows_the_language_and_the_page_that_asks_for_it(dashboard: aiohttp.ClientSession) -> None:
    headers = {"Referer": f"{dashboard._base_url}/?pin=17", "Cookie": "language=es"}
    async with dashboard.get("/_dash-layout", headers=headers) as response:
        page = (await response.json())["props"]["children"]["props"]["children"]
    stores = {part["props"].get("id"): part["props"].get("data") for part in page}
    assert (stores["place"], stores["language"]) == ("/?pin=17", "es")
    assert "Ir al contenido" in str(page)


async def test_a_frame_of_a_webcam_says_so(dashboard: aiohttp.ClientSession, api: FakeApi) -> None:
    headers = {"X-Filename": "frame.jpg", "X-Camera": "browser-1"}
    async with dashboard.post("/upload", data=jpeg("chelsea", 0, 64), headers=headers) as response:
        assert response.status == 202
    await until(lambda: bool(api.world.races))
    assert (api.world.races[-1]["source"], api.world.races[-1]["camera_id"]) == ("webcam", "browser-1")
