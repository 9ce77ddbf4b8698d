"""The state of the servers over HTTP: what it says is what the servers say."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from streamapp import topics
from streamapp.presence import Presence, present
from streamapp.settings import Settings
from tests.support.api import Api, running
from tests.support.stack import Stack
from tests.support.workers import launch
from tests.unit.ingest import pictures

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(servers: Stack) -> AsyncIterator[Api]:
    async with running(Settings.load(servers.environ)) as api:
        yield api


async def test_everything_is_said_and_counts_on(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamapp.system.WINDOW_S", 0.2)
    presence = Presence("recorder", "here:1")
    presence.cache = api.context.cache
    await presence.say()
    before = await api.get("system")
    assert set(before["topics"]) == {topic.name for topic in topics.all_topics()}
    assert set(before["lags"]) >= {"streamapp-stats", "streamapp-recorder", "streamapp-resnet50"}
    assert ("recorder", "here:1") in {(one["role"], one["worker"]) for one in before["roles"]}
    assert before["database"]["bytes"] > 1_000_000
    data = [pictures.jpeg(64 + number) for number in range(3)]
    for one in data:
        await api.accepted(one)
    after = before
    while after["at"] == before["at"]:
        after = await api.get("system")
    images = [state["topics"][topics.IMAGES] for state in (before, after)]
    assert images[1]["messages"] - images[0]["messages"] == 3
    assert images[1]["per_s"] == pytest.approx(3 / after["window_s"])
    assert after["objects"]["images"] - before["objects"]["images"] == 3
    assert after["objects"]["bytes"] - before["objects"]["bytes"] == sum(map(len, data))
    assert after["lags"]["streamapp-recorder"] >= before["lags"]["streamapp-recorder"] + 3


async def test_a_worker_says_that_it_is_there(api: Api, tmp_path: Path) -> None:
    own = api.context.settings.model_copy(update={"roles": "recorder", "data_dir": tmp_path})
    worker = launch(own, tmp_path / "worker.log", tmp_path)
    try:
        async with asyncio.timeout(60):
            while not (
                found := [one for one in await present(api.context.cache) if pid(one.worker) == worker.process.pid]
            ):
                assert worker.alive, worker.output()
                await asyncio.sleep(0.2)
    finally:
        await worker.kill_and_evict()
    assert [one.role for one in found] == ["recorder"]


def pid(worker: str) -> int:
    return int(worker.rpartition(":")[2])


async def test_without_a_cache_the_rest_is_said(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamapp.system.WINDOW_S", 0.0)
    await api.proxies["redis"].cut()
    try:
        state = await api.get("system")
    finally:
        await api.proxies["redis"].start()
    assert (state["cache"], state["roles"]) == (None, [])
    assert state["topics"]


async def test_without_a_database_it_is_unavailable(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamapp.system.WINDOW_S", 0.0)
    await api.proxies["database"].cut()
    try:
        async with api.client.get("/api/v1/system") as answer:
            assert (answer.status, "Retry-After" in answer.headers) == (503, True)
    finally:
        await api.proxies["database"].start()
