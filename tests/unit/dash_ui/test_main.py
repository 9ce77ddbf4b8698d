import socket

import pytest

from dash_ui.__main__ import main


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
