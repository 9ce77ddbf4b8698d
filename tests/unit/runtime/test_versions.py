"""Every version of a model, from MLflow servers and the local database."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from streamapp.errors import NotRegistered, RegistryUnavailable
from streamapp.runtime.spec import Accuracy
from streamapp.runtime.versions import registered
from streamapp.settings import Settings

TEST = json.dumps({"accuracy": 0.9, "interval_95": [0.88, 0.92], "pictures": 1000})
VERSIONS = [
    {"version": "2", "creation_timestamp": 1_700_000_000_000, "run_id": "ab", "tags": [{"key": "test", "value": TEST}]},
    {"version": "10", "creation_timestamp": "1700000001000", "tags": [{"key": "sha256", "value": "cd"}]},
    {"version": "1", "creation_timestamp": 1_600_000_000_000},
]


class Handler(BaseHTTPRequestHandler):
    """An MLflow server that has three versions of `tiny`, two on the first page."""

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        path = asked.path.removeprefix("/api/2.0/mlflow/")
        body: dict[str, Any] = {}
        if (path, query) == ("registered-models/get", {"name": "tiny"}):
            body = {"registered_model": {"name": "tiny", "aliases": [{"alias": "champion", "version": "10"}]}}
        elif path == "model-versions/search" and query["filter"] == "name = 'tiny'":
            first = {"model_versions": VERSIONS[:2], "next_page_token": "more"}
            body = first if "page_token" not in query else {"model_versions": VERSIONS[2:]}
        elif path == "registered-models/get" and query["name"] == "odd":
            body = {"registered_model": "no"}
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        yield url
        running.shutdown()


def test_the_versions_of_a_server_on_all_pages_newest_first(server: str) -> None:
    found = registered("tiny", Settings())
    assert [(each.version.number, each.aliases) for each in found] == [(10, ("champion",)), (2, ()), (1, ())]
    newest, second, first = found
    assert (newest.version.digest, newest.accuracy, newest.run_id) == ("cd", None, "")
    assert (second.accuracy, second.run_id) == (Accuracy(0.9, 0.88, 0.92, 1000), "ab")
    assert first.created == datetime.fromtimestamp(1_600_000_000, UTC)


def test_what_a_server_does_not_have_and_what_is_no_registry(server: str) -> None:
    with pytest.raises(NotRegistered, match=rf"the registry \({server}\) has no model 'vgg'"):
        registered("vgg", Settings())
    with pytest.raises(RegistryUnavailable, match=r"odd: the registry .* does not answer"):
        registered("odd", Settings())


def test_no_local_registry_and_none_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(NotRegistered, match="tiny: there is no registry at"):
        registered("tiny", Settings(data_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []
