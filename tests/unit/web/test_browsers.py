"""What browsers are told: which pages may ask, and that answers are data."""

from io import BytesIO

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application

from streamapp.access.callers import check
from streamapp.errors import SettingsError
from streamapp.settings import Settings
from streamapp.web import setup
from tests.unit.ingest.pictures import jpeg
from tests.unit.web.doubles import make_context

OURS, THEIRS = "https://ours.example.org", "https://ours.example.org.evil.example"
ASKING = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def client(**settings: object) -> TestClient:
    app = Application()
    setup(app, make_context(**settings))
    return TestClient(TestServer(app))


async def test_a_page_whose_origin_is_known_may_ask_even_at_a_guarded_door() -> None:
    async with client(cors_origins=f"{OURS}, http://127.0.0.1:8000", auth=True) as http:
        answer = await http.options("/api/v1/images", headers={"Origin": OURS, **ASKING})
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == OURS
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
        answer = await http.get("/api/v1/images", headers={"Origin": OURS})
        assert answer.status == 401
        assert answer.headers["Access-Control-Allow-Origin"] == OURS, "or the page could not read why"


@pytest.mark.parametrize("origin", [THEIRS, "null", "", "https://OURS.example.org", f"{OURS}:444"])
async def test_other_pages_may_not(origin: str) -> None:
    async with client(cors_origins=OURS) as http:
        for answer in (
            await http.options("/api/v1/images", headers={"Origin": origin, **ASKING}),
            await http.get("/api/v1/images", headers={"Origin": origin}),
        ):
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert "Access-Control-Allow-Methods" not in answer.headers
            assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("origin", [THEIRS, "null", "http://127.0.0.1:1", "//", "https://[::1"])
async def test_a_form_of_another_page_does_nothing(origin: str) -> None:
    async with client(cors_origins=OURS) as http:
        form = {"file": BytesIO(jpeg())}
        answer = await http.post("/api/v1/images", data=form, headers={"Origin": origin})
        assert (answer.status, answer.content_type) == (403, "application/problem+json")


async def test_a_form_of_a_page_that_may_and_of_our_own_arrives() -> None:
    async with client(cors_origins=OURS) as http:
        own = str(http.make_url("/")).rstrip("/")
        for origin in (OURS, own, None):
            headers = {"Origin": origin} if origin else None
            answer = await http.post("/api/v1/images", data={"file": BytesIO(jpeg())}, headers=headers)
            assert answer.status == 202


async def test_credentials_that_a_browser_remembers_are_never_wanted() -> None:
    async with client(cors_origins=OURS) as http:
        answer = await http.get("/api/v1/images", headers={"Origin": OURS})
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/api/v1/images", "/api/v1/images/none", "/nowhere", "/openapi.json", "/docs"])
async def test_answers_are_data(path: str) -> None:
    async with client() as http:
        headers = (await http.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors" in headers["Content-Security-Policy"] or path == "/docs"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("origins", ["*", "https://*", "ours.example.org", "https://ours.example.org/", f"{OURS},*"])
def test_what_is_no_origin(origins: str) -> None:
    with pytest.raises(SettingsError, match="STREAMAPP_CORS_ORIGINS"):
        check(Settings(cors_origins=origins))
