"""What `models promote` tells a running platform, and what it makes of the answers."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from streamapp.errors import ApiError
from streamapp.models import running
from streamapp.settings import Settings

STARTED = datetime(2026, 11, 29, 12, tzinfo=UTC)
WORKER = {"model_version": "v1-aa", "started_at": STARTED.isoformat(), "last_reload": None, "reload_error": None}


def moment(order: int) -> str:
    """When the order with this number was given, as the API says it."""
    return (STARTED + timedelta(seconds=order + 1)).isoformat().replace("+00:00", "Z")


class Platform(HTTPServer):
    """The API of a platform whose workers do what they are told, one after the other."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.outcome, self.error = "swapped", ""
        self.workers: list[dict[str, Any]] = [dict(WORKER), dict(WORKER)]
        self.ordered: list[str] = []
        #: Orders that somebody else gives after each of ours, and that are done in one with it.
        self.others = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def one_more_worker_is_done(self) -> None:
        for worker in self.workers:
            done = (worker["last_reload"] or {}).get("ordered_at")
            if self.ordered and self.outcome and done != self.ordered[-1]:
                last = {"ordered_at": self.ordered[-1], "outcome": self.outcome, "seconds": 1.25}
                error = {"error": self.error} if self.error else None
                version = "v1-aa" if self.error else "v2-bb"
                worker.update(last_reload=last, reload_error=error, model_version=version)
                return


class Handler(BaseHTTPRequestHandler):
    server: Platform

    def do_GET(self) -> None:
        known = {"mobilenet": "models:/mobilenet/1", "mobilenet-int8": "models:/mobilenet/1", "resnet50": "cifar10"}
        if self.path == "/api/v1/models":
            models = [{"model": name, "weights": uri, "workers": [WORKER]} for name, uri in known.items()]
            retired = {"model": "mobilenet-old", "weights": "models:/mobilenet/1", "workers": []}
            self._answer(200, {"models": [*models, retired]})
        else:
            self.server.one_more_worker_is_done()
            self._answer(200, {"workers": self.server.workers})

    def do_POST(self) -> None:
        if self.path == "/api/v1/models/mobilenet/reload":
            ours = moment(len(self.server.ordered))
            self.server.ordered.append(ours)
            self.server.ordered += [moment(len(self.server.ordered)) for _ in range(self.server.others)]
            self._answer(202, {"at": ours})
        else:
            self._answer(404, {"title": "Not found", "detail": "there is no model here"})

    def _answer(self, status: int, content: Any) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "POLL_S", 0.01)


def test_the_api_is_where_the_variable_or_the_running_platform_says(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert running.url(settings, {}) == ""
    (tmp_path / "run.json").write_text('{"api_url": "http://127.0.0.1:8001/"}')
    assert running.url(settings, {}) == "http://127.0.0.1:8001"
    assert running.url(settings, {"STREAMAPP_API_URL": "http://elsewhere"}) == "http://elsewhere"


def test_models_that_run_a_version_of_it_follow_it(platform: Platform) -> None:
    assert running.followers(platform.url, "mobilenet") == ["mobilenet", "mobilenet-int8"]
    assert running.followers(platform.url, "mobile") == []


@pytest.mark.parametrize("outcome", ["swapped", "unchanged"])
def test_it_waits_for_every_worker(platform: Platform, outcome: str) -> None:
    platform.outcome = outcome
    said: list[str] = []
    running.reload(platform.url, "mobilenet", said.append)
    assert platform.ordered == [moment(0)]
    assert said[0].startswith("mobilenet: its workers look for it")
    assert said[1:] == [f"mobilenet: v2-bb serves ({outcome}, 1.2 s)"] * 2


def test_an_earlier_order_is_no_answer_to_this_one(platform: Platform) -> None:
    running.reload(platform.url, "mobilenet", lambda _: None)
    platform.outcome = ""
    with pytest.raises(ApiError, match=r"mobilenet: its workers have not answered within 0\.1 s; see http://"):
        running.reload(platform.url, "mobilenet", lambda _: None, 0.1)


def test_a_later_order_of_somebody_else_is_one(platform: Platform) -> None:
    platform.others = 1
    said: list[str] = []
    running.reload(platform.url, "mobilenet", said.append, 5)
    assert len(said) == 3


def test_a_worker_that_has_started_since_has_the_new_version(platform: Platform) -> None:
    platform.workers.append({**WORKER, "model_version": "v2-bb", "started_at": moment(5)})
    said: list[str] = []
    running.reload(platform.url, "mobilenet", said.append, 5)
    assert said[3:] == ["mobilenet: v2-bb serves (started meanwhile)"]


def test_a_model_without_workers_is_waited_for(platform: Platform) -> None:
    platform.workers = []
    with pytest.raises(ApiError, match="have not answered"):
        running.reload(platform.url, "mobilenet", lambda _: None, 0.05)


def test_a_version_that_cannot_serve_is_an_error_with_the_reason(platform: Platform) -> None:
    platform.outcome, platform.error = "failed", "the weights are of another model"
    with pytest.raises(ApiError, match="mobilenet goes on with v1-aa: the weights are of another model"):
        running.reload(platform.url, "mobilenet", lambda _: None)


def test_problems_are_told_in_their_own_words(platform: Platform) -> None:
    with pytest.raises(ApiError, match=r"POST http.*/api/v1/models/vgg/reload: there is no model here"):
        running.reload(platform.url, "vgg", pytest.fail)


def test_a_platform_that_is_gone() -> None:
    with pytest.raises(ApiError, match=r"the API does not answer at http://127.0.0.1:9/.*refused"):
        running.followers("http://127.0.0.1:9", "mobilenet")
    with pytest.raises(ApiError, match=r"the API does not answer at http://127.0.0.1:80o1/.*nonnumeric port"):
        running.followers("http://127.0.0.1:80o1", "mobilenet")
