"""The registry as a worker reads it: URIs, a server's answers, and what is said when there are none."""

import base64
import json
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from streamapp.errors import ModelError, RegistryUnavailable
from streamapp.runtime.registry import Reference, Version, current, moves, parse
from streamapp.runtime.stores import plain, tracking_uri
from streamapp.settings import Settings

CHAMPION = "models:/tiny@champion"


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        (CHAMPION, Reference("tiny", alias="champion")),
        ("models:/tiny/12", Reference("tiny", number=12)),
    ],
)
def test_what_a_uri_names(uri: str, named: Reference) -> None:
    assert parse(uri) == named
    assert named.uri == uri
    assert moves(uri) == bool(named.alias)


@pytest.mark.parametrize(
    "uri", ["models:/tiny", "models:/tiny/0", "models:/tiny/latest", "models:/@champion", "models:/"]
)
def test_what_names_nothing(uri: str) -> None:
    with pytest.raises(ModelError, match="write models:/NAME@champion or models:/NAME/VERSION"):
        parse(uri)
    assert not moves(uri)


def test_the_local_store_unless_another_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert tracking_uri(tmp_path) == "http://mlflow:5000"


def test_passwords_are_not_shown() -> None:
    assert plain("https://ann:secret@mlflow:5000/x") == "https://mlflow:5000/x"
    assert plain("sqlite:////data/mlflow.db") == "sqlite:////data/mlflow.db"


class Server(HTTPServer):
    """An MLflow server that knows version 3 of `tiny`, and that it is the champion."""

    status = 200
    body: dict[str, Any] = {"model_version": {"version": "3", "tags": [{"key": "sha256", "value": "ab"}]}}  # noqa: RUF012
    authorization: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        self.server.authorization = self.headers.get("Authorization")
        known = (asked.path.removeprefix("/api/2.0/mlflow/"), parse_qs(asked.query)) in (
            ("registered-models/alias", {"name": ["tiny"], "alias": ["champion"]}),
            ("model-versions/get", {"name": ["tiny"], "version": ["3"]}),
        )
        self.send_response(self.server.status if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps(self.server.body if known else {"error_code": "RESOURCE_DOES_NOT_EXIST"}).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", running.url)
        yield running
        running.shutdown()


@pytest.mark.parametrize("uri", [CHAMPION, "models:/tiny/3"])
def test_a_server_says_which_version_it_is(server: Server, uri: str) -> None:
    assert current(uri, Settings()) == Version("tiny", 3, "ab")
    assert current(uri, Settings()).uri == "models:/tiny/3"
    assert server.authorization is None


def test_a_version_that_we_did_not_register_has_no_digest(server: Server) -> None:
    server.body = {"model_version": {"version": "3"}}
    assert current(CHAMPION, Settings()).digest == ""


@pytest.mark.parametrize("uri", ["models:/tiny@other", "models:/other@champion", "models:/tiny/4"])
def test_what_a_server_does_not_have(server: Server, uri: str) -> None:
    with pytest.raises(
        ModelError, match=rf"{uri}: the registry \({server.url}\) has no .*`streamapp models show"
    ) as caught:
        current(uri, Settings())
    assert not isinstance(caught.value, RegistryUnavailable)


def test_user_and_password_go_along_and_are_not_shown(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    basic = "Basic " + base64.b64encode(b"ann:p w").decode()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url.replace("//", "//ann:p%20w@"))
    current(CHAMPION, Settings())
    assert server.authorization == basic
    server.status = 403
    with pytest.raises(RegistryUnavailable) as caught:
        current(CHAMPION, Settings())
    assert str(caught.value).endswith("does not answer: Forbidden")
    assert "p%20w" not in str(caught.value)
    server.status = 200
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "p w")
    current(CHAMPION, Settings())
    assert server.authorization == basic
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    current(CHAMPION, Settings())
    assert server.authorization == "Bearer t0ken"


@pytest.mark.parametrize("body", [{}, {"model_version": {}}])
def test_an_answer_of_something_else_is_no_registry(server: Server, body: dict[str, Any]) -> None:
    server.body = body
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        current(CHAMPION, Settings())


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(RegistryUnavailable, match=r"the registry \(http://127.0.0.1:9\) does not answer: .*refused"):
        current(CHAMPION, Settings())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:50x0")
    with pytest.raises(RegistryUnavailable, match=r"does not answer: .*nonnumeric port"):
        current(CHAMPION, Settings())


def test_no_local_registry_yet_and_none_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(ModelError, match=r"there is no registry at .*mlflow\.db; register a model with"):
        current(CHAMPION, Settings(data_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_local_database_of_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    sqlite3.connect(tmp_path / "mlflow.db").close()
    with pytest.raises(RegistryUnavailable, match="cannot be read: no such table"):
        current(CHAMPION, Settings(data_dir=tmp_path))
