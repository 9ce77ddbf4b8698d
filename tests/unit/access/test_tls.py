"""Workers that answer https."""

import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from faust.web.drivers.aiohttp import Server

from streamapp.access.callers import check, tls
from streamapp.application import free_port
from streamapp.devstack import health
from streamapp.devstack.programs import base_url
from streamapp.errors import SettingsError, StoreUnavailable
from streamapp.settings import Settings
from streamapp.stream import StreamApp


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("tls")
    names = ["-subj", "/CN=worker.example.org", "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run(request, check=True, capture_output=True)
    return Settings(tls_cert=str(folder / "cert.pem"), tls_key=str(folder / "key.pem"))


async def test_a_health_check_and_a_worker_understand_each_other(settings: Settings) -> None:
    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls(settings)).start()
        url = base_url(settings, runner.addresses[0][1])
        assert url.startswith("https://127.0.0.1:")
        await health.http(f"{url}/healthz")
        with pytest.raises((StoreUnavailable, OSError)):
            await health.http(f"{url}/healthz".replace("https", "http"))
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("tls_on", [True, False])
async def test_a_worker_s_web_server_answers_it_and_shows_nothing_of_faust(settings: Settings, tls_on: bool) -> None:
    app = StreamApp(settings if tls_on else Settings(), "mobilenet")
    app.conf.web_port = free_port("127.0.0.1")
    server = Server(app.web)
    app.web.init_server()
    await server.start()
    scheme, other = ("https", "http") if tls_on else ("http", "https")
    try:
        async with aiohttp.ClientSession(f"{scheme}://127.0.0.1:{app.conf.web_port}") as http:
            statuses = [(await http.get(path, ssl=False)).status for path in ("/", "/table/", "/router/", "/graph/")]
        assert statuses == [200, 404, 404, 404]
        with pytest.raises((StoreUnavailable, OSError)):
            await health.http(f"{other}://127.0.0.1:{app.conf.web_port}/")
    finally:
        await server.stop()


def test_a_key_with_a_password_is_an_error_and_no_question_at_the_terminal(settings: Settings, tmp_path: Path) -> None:
    locked = tmp_path / "locked.pem"
    lock = ["openssl", "pkey", "-in", settings.tls_key, "-aes256", "-passout", "pass:secret", "-out", str(locked)]
    subprocess.run(lock, check=True, capture_output=True)
    script = (
        "from streamapp.access.callers import tls; from streamapp.settings import Settings\n"
        f"tls(Settings(tls_cert={settings.tls_cert!r}, tls_key={str(locked)!r}))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
    assert "no password" in done.stderr
    assert "Enter PEM pass phrase" not in done.stdout + done.stderr


@pytest.mark.parametrize("wrong", ["missing.pem", "empty.pem"])
def test_a_certificate_that_cannot_be_used(settings: Settings, tmp_path: Path, wrong: str) -> None:
    (tmp_path / "empty.pem").touch()
    with pytest.raises(SettingsError, match="STREAMAPP_TLS_CERT"):
        check(settings.model_copy(update={"tls_cert": str(tmp_path / wrong)}))
