"""Versions of models over HTTP, where there is no registry, none that answers, and none to promote."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from streamapp.errors import ModelError
from streamapp.records import now
from streamapp.runtime.registry import Version
from streamapp.web import versions
from tests.unit.web.doubles import make_context, running_api
from tests.unit.web.messages import state


@pytest.fixture(autouse=True)
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


async def ask(context: Any, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    async with running_api(context) as client:
        call = client.get if body is None else client.post
        async with call(f"/api/v1/models/{path}", json=body) as answer:
            return answer.status, await answer.json()


@pytest.mark.parametrize(("path", "body"), [("mobilenet/versions", None), ("mobilenet/promote", {"version": "1"})])
async def test_no_registry(tmp_path: Path, path: str, body: dict[str, Any] | None) -> None:
    context = make_context(data_dir=tmp_path)
    context.live.roster.put(state("mobilenet"))
    status, problem = await ask(context, path, body)
    assert (status, problem["type"]) == (404, "urn:streamapp:problem:not-registered")
    assert "register a model with `streamapp train --register`" in problem["detail"]
    assert context.order.__self__.orders == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(("path", "body"), [("mobilenet/versions", None), ("mobilenet/promote", {"version": "1"})])
async def test_a_registry_that_does_not_answer(
    path: str, body: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:secret@127.0.0.1:9")
    status, problem = await ask(make_context(), path, body)
    assert (status, problem["type"]) == (503, "urn:streamapp:problem:registry-unavailable")
    assert "secret" not in problem["detail"]


async def test_a_database_of_something_else_is_no_registry(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "mlflow.db").close()
    status, problem = await ask(make_context(data_dir=tmp_path), "mobilenet/versions")
    assert (status, "cannot be read" in problem["detail"]) == (503, True)


@pytest.mark.parametrize("version", ["0", "-1", "1.5", "champion", "", 3, None, "9" * 10])
async def test_what_is_no_version(tmp_path: Path, version: Any) -> None:
    status, problem = await ask(make_context(data_dir=tmp_path), "mobilenet/promote", {"version": version})
    assert (status, problem["errors"][0]["name"]) == (400, "version")


async def test_what_the_registry_refuses_is_told_and_nothing_is_ordered(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise ModelError("version 1 was deleted meanwhile")

    found = versions.Registered(Version("mobilenet", 1, ""), (), now(), "", {})
    monkeypatch.setattr(versions, "registered", lambda *_: [found])
    monkeypatch.setattr(versions, "promote_apart", refuse)
    context = make_context()
    context.live.roster.put(state("mobilenet", weights="models:/mobilenet/1"))
    status, problem = await ask(context, "mobilenet/promote", {"version": "1"})
    assert (status, problem["detail"]) == (409, "version 1 was deleted meanwhile")
    assert context.order.__self__.orders == []  # type: ignore[attr-defined]
