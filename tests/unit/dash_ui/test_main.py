import socket
from collections.abc import Iterator

import pytest

from dash_ui.__main__ import main
from tests.support.fake_api import FakeApi


def test_a_port_in_use_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"127.0.0.1:{port}" in error
    assert "--port" in error


def test_an_api_url_without_a_scheme_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--api-url", "localhost:8001"]) == 1
    assert "--api-url must start with http://" in capsys.readouterr().err


def test_the_api_url_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STREAMAPP_API_URL", "ftp://there")
    assert main([]) == 1
    assert "ftp://there" in capsys.readouterr().err


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi(every_s=0) as fake:
        yield fake


def test_beyond_loopback_it_does_not_start_where_nobody_is_asked(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--host", "0.0.0.0", "--api-url", api.url]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "STREAMAPP_AUTH=true" in error


def test_beyond_loopback_visitors_do_not_share_one_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STREAMAPP_API_TOKEN", "sk-reader")
    assert main(["--host", "0.0.0.0"]) == 1
    assert "all visitors would share that key" in capsys.readouterr().err


@pytest.mark.parametrize("certificate", ["/nowhere.pem", __file__])
def test_a_certificate_that_cannot_be_used_is_one_clear_line(
    certificate: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STREAMAPP_TLS_CERT", certificate)
    assert main(["--port", "0"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"STREAMAPP_TLS_CERT={certificate}" in error
