"""The door of the dashboard, in this process, in front of a fake API that asks for keys."""

import asyncio
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.cookies import Morsel
from pathlib import Path

import aiohttp
import pytest
import uvicorn
from fastapi import FastAPI

from dash_ui import access, door, notices
from dash_ui.__main__ import certificate
from dash_ui.access import Access
from dash_ui.app import create_app
from dash_ui.door import COOKIE
from streamapp.access.tokens import LEEWAY_S
from tests.support.fake_api import FakeApi
from tests.support.fake_races import jpeg
from tests.unit.access.test_tokens import SECRET, claims, signed
from tests.unit.dash_ui.pieces import until
from tests.unit.web.doubles import make_context, running_api

READER, LABELLER, WRITER = "sk-reader", "sk-labeller", "sk-writer"
IMAGE = "/original/00000000-0000-0000-0000-000000000001"
FOREIGN = {"Origin": "http://evil.example"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "BELIEVED_S", 0.1)
    monkeypatch.setattr(access, "LOOK_S", 0.2)
    monkeypatch.setattr(door, "FAREWELL_S", 0.05)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi(every_s=0) as fake:
        fake.keys.scopes = {READER: {"read"}, LABELLER: {"read", "label"}, WRITER: {"write"}}
        yield fake


@asynccontextmanager
async def serving(
    api: FakeApi, own: Access | None = None, certificate: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """The dashboard's URL."""
    async with served(create_app(api.url, own).server, certificate) as url:
        yield url


@asynccontextmanager
async def served(app: FastAPI, certificate: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The URL of a dashboard."""
    tls = (lambda _config, _default: certificate) if certificate else None
    config = uvicorn.Config(app, port=0, log_level="warning", lifespan="on", ssl_context_factory=tls)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    scheme = "https" if certificate else "http"
    try:
        yield f"{scheme}://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def url(api: FakeApi) -> AsyncIterator[str]:
    async with serving(api) as url:
        yield url


def browser(url: str) -> aiohttp.ClientSession:
    """A browser of its own; cookies of an address are kept like those of a name."""
    return aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True))


async def sign_in(who: aiohttp.ClientSession, key: str, to: str = "/", **headers: str) -> aiohttp.ClientResponse:
    form = {"key": key, "next": to}
    async with who.post("/sign-in", data=form, headers=headers, allow_redirects=False) as answer:
        await answer.text()
        return answer


async def status(who: aiohttp.ClientSession, path: str = "/signed-in", **headers: str) -> int:
    async with who.get(path, headers=headers, allow_redirects=False) as answer:
        return answer.status


def cookie_of(answer: aiohttp.ClientResponse) -> Morsel[str]:
    return answer.cookies[COOKIE]


async def test_without_a_sign_in_nothing_is_shown_but_the_way_in(url: str) -> None:
    async with browser(url) as who:
        shut = [IMAGE, "/thumb" + IMAGE[9:], "/export.csv?window=1h", "/_dash-layout", "/_dash-dependencies", "/models"]
        assert [await status(who, path) for path in shut] == [401] * len(shut)
        async with who.post("/upload", data=b"x", headers={"X-Filename": "a.jpg"}) as answer:
            assert answer.status == 401
        async with who.post("/_dash-update-component", json={}) as answer:
            assert answer.status == 401
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await who.ws_connect("/_dash-ws-callback", headers={"Origin": url})
        page = {"Accept": "text/html"}
        async with who.get("/images?label=cat", headers=page, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?next=%2Fimages%3Flabel%3Dcat")
        assert await status(who, "/healthz") == 200


async def test_the_sign_in_page_speaks_both_languages_and_runs_nothing_else(url: str) -> None:
    async with browser(url) as who, who.get("/sign-in", headers={"Accept-Language": "es"}) as answer:
        page = await answer.text()
        assert "Iniciar sesión" in page
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_a_good_key_gets_a_cookie_that_is_not_the_key(url: str) -> None:
    async with browser(url) as who:
        answer = await sign_in(who, f" {READER}\n", "/models?window=1h")
        assert (answer.status, answer.headers["Location"]) == (303, "/models?window=1h")
        cookie = cookie_of(answer)
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "strict", "/")
        assert (cookie["max-age"], cookie["expires"], cookie["secure"]) == ("", "", "")
        assert len(cookie.value) >= 43
        assert READER not in cookie.value
        assert await status(who) == 204
        async with who.get("/", headers={"Accept": "text/html"}) as page:
            assert READER not in await page.text()


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"])
async def test_signing_in_leads_nowhere_else(url: str, to: str) -> None:
    async with browser(url) as who:
        assert (await sign_in(who, READER, to)).headers["Location"] == "/"


@pytest.mark.parametrize(
    ("key", "code", "words"),
    [
        ("sk-wrong", 401, "mistyped, revoked or too old"),
        (WRITER, 403, "no scope read"),
        ("", 403, "no key"),
        ("two words", 403, "no key"),
        ("sk-\x00\r\nX-Evil: 1", 403, "no key"),
        ("clé", 403, "no key"),
        ("<script>alert(1)</script>", 401, "mistyped"),
    ],
)
async def test_a_key_that_lets_nobody_in_is_refused_in_words(url: str, key: str, code: int, words: str) -> None:
    async with browser(url) as who:
        async with who.post("/sign-in", data={"key": key}) as answer:
            page = await answer.text()
        assert (answer.status, COOKIE in answer.cookies) == (code, False)
        assert words in page
        assert not key or key not in page
        assert await status(who) == 401


async def test_too_many_attempts_and_an_api_that_is_away_are_said_so(api: FakeApi, url: str) -> None:
    async with browser(url) as who:
        api.keys.tired = True
        async with who.post("/sign-in", data={"key": "sk-wrong"}) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "17")
            assert "Try again in 17 s" in await answer.text()
        api.go_away()
        async with who.post("/sign-in", data={"key": READER}) as answer:
            assert answer.status == 503
            assert "The API does not answer" in await answer.text()


async def test_signing_out_ends_it_for_every_request(url: str) -> None:
    async with browser(url) as who, browser(url) as copy:
        name = cookie_of(await sign_in(who, READER)).value
        copy.cookie_jar.update_cookies({COOKIE: name})
        assert await status(copy) == 204
        async with who.post("/sign-out", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")
        assert (await status(who), await status(copy)) == (401, 401)


async def test_a_second_sign_in_of_a_browser_ends_the_first(url: str) -> None:
    async with browser(url) as who, browser(url) as copy:
        copy.cookie_jar.update_cookies({COOKIE: cookie_of(await sign_in(who, READER)).value})
        await sign_in(who, LABELLER)
        assert (await status(who), await status(copy)) == (204, 401)


async def test_a_revoked_key_shuts_the_door(api: FakeApi, url: str) -> None:
    async with browser(url) as who:
        await sign_in(who, READER)
        api.keys.revoke(READER)

        async def is_out() -> bool:
            return await status(who) == 401

        await until(is_out)


async def test_while_the_api_is_away_who_is_in_stays_in(api: FakeApi, url: str) -> None:
    async with browser(url) as who:
        await sign_in(who, READER)
        api.go_away()
        await asyncio.sleep(0.2)
        assert await status(who) == 204


async def test_each_visitor_acts_with_their_own_key(api: FakeApi, url: str) -> None:
    image = api.world.race()["image_id"]
    async with browser(url) as reader, browser(url) as writer:
        api.keys.scopes[WRITER].add("read")
        await sign_in(reader, READER)
        await sign_in(writer, WRITER)
        headers = {"X-Filename": "a.jpg"}
        async with reader.post("/upload", data=jpeg("chelsea", 0, 64), headers=headers) as answer:
            assert answer.status == 403
            assert "takes the scope write" in (await answer.json())["detail"]
        async with writer.post("/upload", data=jpeg("chelsea", 0, 64), headers=headers) as answer:
            assert answer.status == 202
        assert await status(reader, f"/original/{image}") == 200
        assert (READER, f"/api/v1/images/{image}/original") in api.keys.seen


async def test_pages_from_elsewhere_cannot_sign_in_sign_out_act_or_listen(url: str) -> None:
    async with browser(url) as who:
        assert (await sign_in(who, READER, **FOREIGN)).status == 403
        assert (await sign_in(who, READER, Origin="null")).status == 403
        await sign_in(who, READER, Origin=url)
        for path in ("/upload", "/sign-out", "/_dash-update-component"):
            async with who.post(path, data=b"x", headers=FOREIGN | {"X-Filename": "a.jpg"}) as answer:
                assert (answer.status, path) == (403, path)
        for headers in (FOREIGN, {}):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await who.ws_connect("/_dash-ws-callback", headers=headers)
        assert await status(who) == 204
        async with who.ws_connect("/_dash-ws-callback", headers={"Origin": url}) as live:
            assert not live.closed


async def test_the_live_connection_ends_with_the_sign_in(url: str) -> None:
    async with browser(url) as who:
        await sign_in(who, READER)
        async with who.ws_connect("/_dash-ws-callback", headers={"Origin": url}) as live:
            async with who.post("/sign-out", allow_redirects=False):
                pass
            message = await live.receive(timeout=5)
            assert message.type == aiohttp.WSMsgType.CLOSE
            assert live.close_code == door.LEFT


async def test_nothing_is_asked_for_before_somebody_is_there_and_then_with_their_key(api: FakeApi, url: str) -> None:
    async with browser(url) as who:
        await asyncio.sleep(0.3)
        assert api.keys.seen == []
        await sign_in(who, READER)
        await until(lambda: (READER, "/api/v1/events") in api.keys.seen)
        await until(lambda: api.streams_opened == 1)
        async with who.post("/sign-out", allow_redirects=False):
            pass

        async def is_waiting() -> bool:
            return await health(who) == "connecting"

        await until(is_waiting)


async def health(who: aiohttp.ClientSession) -> str:
    """How the dashboard says that it stands with the API."""
    async with who.get("/healthz") as answer:
        return str((await answer.json())["api"])


async def test_what_is_shared_goes_on_with_another_visitors_key(api: FakeApi, url: str) -> None:
    async with browser(url) as first, browser(url) as second:
        await sign_in(first, LABELLER)
        await until(lambda: (LABELLER, "/api/v1/events") in api.keys.seen)
        await sign_in(second, READER)
        async with first.post("/sign-out", allow_redirects=False):
            pass
        await until(lambda: (READER, "/api/v1/events") in api.keys.seen)
        await until(lambda: len(api._readers) == 1)
        before = len(api.keys.seen)
        await until(lambda: status_is(second, 204))
        assert all(key != LABELLER for key, _ in api.keys.seen[before:])


async def status_is(who: aiohttp.ClientSession, code: int) -> bool:
    return await status(who) == code


async def test_the_dashboards_own_key_lets_everybody_in_who_reaches_this_machine(api: FakeApi) -> None:
    async with serving(api, Access(READER)) as url, browser(url) as who:
        assert await status(who) == 204
        await until(lambda: (READER, "/api/v1/events") in api.keys.seen)
        assert await status(who, "/sign-in") == 303


async def test_who_comes_while_the_api_answers_does_not_wait_to_hear_whether_it_asks(api: FakeApi) -> None:
    for own in (Access(), Access(READER)):
        async with serving(api, own):
            await until(own.tried.is_set)
        assert own.asks is (None if own.own else True)
    api.keys.scopes = {}
    async with serving(api, own := Access()):
        await until(own.tried.is_set)
        assert own.asks is False


async def test_without_keys_only_this_machines_names_are_answered(api: FakeApi) -> None:
    api.keys.scopes = {}
    async with serving(api) as url, browser(url) as who:
        assert await status(who) == 204
        assert await status(who, Host="localhost:8000") == 204
        assert await status(who, Host="evil.example:8000") == 403
        async with who.post("/upload", data=b"x", headers=FOREIGN | {"X-Filename": "a.jpg"}) as answer:
            assert answer.status == 403


async def test_an_api_that_begins_to_ask_ends_what_was_open(api: FakeApi) -> None:
    keys, api.keys.scopes = api.keys.scopes, {}
    async with serving(api) as url, browser(url) as who:
        async with who.ws_connect("/_dash-ws-callback", headers={"Origin": url}) as live:
            api.go_away()
            api.keys.scopes = keys
            api.come_back()
            message = await live.receive(timeout=20)
            assert message.type == aiohttp.WSMsgType.CLOSE
        assert await status(who) == 401
        api.keys.scopes = {}
        await until(lambda: status_is(who, 204))


async def test_an_api_that_asks_no_more_and_asks_again_lends_nobodys_key_to_a_guest(api: FakeApi, url: str) -> None:
    async with browser(url) as who, browser(url) as guest:
        await sign_in(who, READER)
        keys, api.keys.scopes = api.keys.scopes, {}
        assert (await sign_in(guest, "anything")).status == 303
        assert (await status(guest), await status(who)) == (204, 204)
        api.keys.scopes = keys
        api.go_away()
        api.come_back()
        await until(lambda: status_is(guest, 401))
        assert await status(who) == 401


async def test_a_dashboard_that_others_reach_lets_nobody_in_by_an_api_that_asks_nobody(api: FakeApi) -> None:
    api.keys.scopes = {}
    async with serving(api, Access(shut=True)) as url, browser(url) as who:
        assert await status(who) == 401
        async with who.post("/sign-in", data={"key": "anything"}, headers={"Host": "dash.example"}) as answer:
            assert answer.status == 403
            assert "STREAMAPP_AUTH=true" in await answer.text()
        assert await status(who) == 401


async def test_over_https_the_cookie_goes_no_other_way(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["-subj", "/CN=dash.example", "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    await asyncio.to_thread(subprocess.run, made, check=True, capture_output=True)
    monkeypatch.setenv("STREAMAPP_TLS_CERT", str(tmp_path / "cert.pem"))
    monkeypatch.setenv("STREAMAPP_TLS_KEY", str(tmp_path / "key.pem"))
    async with (
        serving(api, certificate=certificate()) as url,
        aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(ssl=False)) as who,
    ):
        assert url.startswith("https://")
        assert cookie_of(await sign_in(who, READER))["secure"] is True
        only = "Strict-Transport-Security"
        async with who.get("/healthz", headers={"Host": "dash.example"}) as answer:
            assert answer.headers[only] == "max-age=31536000"
        async with who.get("/healthz") as answer:
            assert only not in answer.headers, "it would be kept for every port of this machine"


async def test_the_door_of_the_real_api_is_understood() -> None:
    async with running_api(make_context(jwt_secret=SECRET)) as real:
        dashboard = create_app(str(real.make_url("/"))).server
        async with served(dashboard) as url, browser(url) as who:
            assert await status(who) == 401
            for token, words in ((signed(claims(scope="write")), "no scope read"), ("x.y.z", "mistyped")):
                async with who.post("/sign-in", data={"key": token}) as answer:
                    assert words in await answer.text()
            soon = signed(claims(scope="read", exp=int(time.time()) - LEEWAY_S + 4))
            assert (await sign_in(who, soon)).status == 303
            assert await status(who) == 204
            async with who.post("/upload", data=jpeg("chelsea", 0, 64), headers={"X-Filename": "a.jpg"}) as answer:
                refusal = await answer.json()
            assert notices.problem(refusal["type"].rpartition(":")[2], refusal["detail"]).endswith("the scope write")
            await until(lambda: status_is(who, 401), 20)
