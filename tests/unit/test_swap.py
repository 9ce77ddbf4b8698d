"""A model in service and its next versions: what is loaded when, what is said, and that the old one goes on."""

import asyncio
import itertools
import os
import threading
from collections.abc import AsyncIterator, Hashable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from streamapp.errors import ModelError, RegistryUnavailable
from streamapp.metrics import Metrics
from streamapp.records import now
from streamapp.runtime.lane import NoLane
from streamapp.runtime.spec import ModelInfo, ModelSpec
from streamapp.runtime.watch import mark
from streamapp.settings import Settings
from streamapp.swap import Service

INFO = ModelInfo("tiny", "1", True, "TinyCNN", "w", "openvino", "f32", 8, ("red", "green"), 10, 10.0, "sha-1")
IMAGE = np.zeros((8, 8, 3), np.uint8)


class FakeModel:
    def __init__(self, version: str) -> None:
        self.info = replace(INFO, model_version=version, sha256=f"sha-{version}")
        self.closed = 0

    def predict(self, batch: np.ndarray) -> np.ndarray:
        assert not self.closed
        return np.full((len(batch), 2), 0.5, np.float32)

    def close(self) -> None:
        self.closed += 1


class Shelf:
    """What the weights stand for: a version, or what goes wrong with it. A load waits for `may_load`."""

    def __init__(self) -> None:
        self.there: str | Exception = "1"
        self.may_load = threading.Event()
        self.may_load.set()
        self.loads: list[str] = []

    def newer(self, spec: ModelSpec, settings: Settings, sha256: str) -> FakeModel | None:
        there = self.there
        if isinstance(there, Exception):
            raise there
        if sha256 == f"sha-{there}":
            return None
        self.loads.append(there)
        assert self.may_load.wait(5)
        return FakeModel(there)


class Bench:
    def __init__(self, file: Path) -> None:
        self.file, self.shelf, self.first = file, Shelf(), FakeModel("1")
        file.write_bytes(b"1")
        self.metrics, settings = Metrics(CollectorRegistry()), Settings()
        spec = ModelSpec("tiny", "TinyCNN", 8, ("red", "green"), weights=str(file))
        seen = mark(spec, settings)
        self.service = Service(spec, settings, self.first, NoLane(), self.metrics, seen, self.shelf.newer)

    def put(self, there: str | Exception) -> None:
        """Other weights in the same place, as `training.export` puts them there."""
        self.shelf.there = there
        new = self.file.with_name("new")
        new.write_bytes(repr(there).encode())
        new.rename(self.file)

    async def version(self) -> str:
        return (await self.service.inference.infer(IMAGE, INFO)).info.model_version

    def state(self) -> dict[str, Any]:
        return self.service.state("host:1", now()).model_dump()

    def count(self, outcome: str) -> float:
        labels = {"model": "tiny", "outcome": outcome}
        return self.metrics.registry.get_sample_value("streamapp_model_reloads_total", labels) or 0


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path / "tiny.weights.h5")
    yield made
    made.shelf.may_load.set()
    made.service.close()


async def test_a_new_version_takes_over_and_is_announced(bench: Bench) -> None:
    before = now()
    bench.put("2")
    done = await bench.service.reload("a person", "request-7")
    assert (done.outcome, done.by, done.request_id) == ("swapped", "a person", "request-7")
    assert await bench.version() == "2"
    assert bench.first.closed == 1
    state = bench.state()
    assert (state["model_version"], state["sha256"], state["worker"]) == ("2", "sha-2", "host:1")
    assert state["loaded_at"] > before
    assert (state["last_reload"]["request_id"], state["reload_error"]) == ("request-7", None)
    samples = [sample for family in bench.metrics.model_info.collect() for sample in family.samples]
    assert [sample.labels["version"] for sample in samples] == ["2"]
    assert bench.count("swapped") == 1


async def test_the_old_model_answers_while_the_new_one_is_loaded(bench: Bench) -> None:
    bench.put("2")
    bench.shelf.may_load.clear()
    reload = asyncio.create_task(bench.service.reload("test"))
    while not bench.shelf.loads:  # noqa: ASYNC110  # another thread loads
        await asyncio.sleep(0.005)
    for _ in range(3):
        assert await bench.version() == "1"
    bench.shelf.may_load.set()
    assert (await reload).outcome == "swapped"
    assert await bench.version() == "2"


async def test_the_same_version_again_is_said_and_nothing_is_done(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    loaded_at = bench.state()["loaded_at"]
    assert (await bench.service.reload("test")).outcome == "unchanged"
    assert bench.shelf.loads == []
    assert "tiny: version 1 is served already; nothing was done" in caplog.text
    assert bench.state()["loaded_at"] == loaded_at
    assert bench.state()["last_reload"]["outcome"] == "unchanged"
    assert (bench.first.closed, bench.count("unchanged")) == (0, 1)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModelError("model 'tiny': the weights are of another model"), "the weights are of another model"),
        (RuntimeError("Exception from src/inference\nmore\nlines"), "Exception from src/inference"),
        (MemoryError(), "MemoryError"),
    ],
    ids=["expected", "foreign", "no memory"],
)
async def test_whatever_is_wrong_the_old_version_goes_on(
    bench: Bench, error: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench.put(error)
    assert (await bench.service.reload("test")).outcome == "failed"
    assert await bench.version() == "1"
    assert bench.first.closed == 0
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert line.startswith("tiny goes on with version 1: ")
    assert line.endswith(said)
    shown = bench.state()["reload_error"]
    assert shown["error"].endswith(said)
    assert now() - shown["at"] < timedelta(seconds=5)
    assert bench.count("failed") == 1

    bench.put("2")
    await bench.service.reload("test")
    assert (await bench.version(), bench.state()["reload_error"]) == ("2", None)


async def test_reloads_at_once_are_done_one_after_the_other_and_the_last_wins(bench: Bench) -> None:
    bench.put("2")
    bench.shelf.may_load.clear()
    first = asyncio.create_task(bench.service.reload("first"))
    while not bench.shelf.loads:  # noqa: ASYNC110  # another thread loads
        await asyncio.sleep(0.005)
    bench.put("3")
    others = [asyncio.create_task(bench.service.reload("later")) for _ in range(3)]
    await asyncio.sleep(0.05)
    assert bench.shelf.loads == ["2"], "nothing else is loaded meanwhile"
    bench.shelf.may_load.set()
    assert [(await task).outcome for task in (first, *others)] == ["swapped", "swapped", "unchanged", "unchanged"]
    assert bench.shelf.loads == ["2", "3"]
    assert await bench.version() == "3"


async def test_a_look_reloads_only_what_has_changed(bench: Bench) -> None:
    assert await bench.service.look() is False
    bench.put("2")
    assert await bench.service.look() is True
    assert await bench.version() == "2"
    assert await bench.service.look() is False
    assert (bench.count("swapped"), bench.count("unchanged")) == (1, 0)
    os.utime(bench.file)
    assert await bench.service.look() is True, "the file is another one, though its content is not"
    assert bench.count("unchanged") == 1


async def test_a_look_leaves_to_an_order_what_the_order_sees_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.put("2")
    calls, may_see = itertools.count(), threading.Event()

    def slow_at_first(*arguments: Any) -> Hashable:
        assert next(calls) or may_see.wait(5)
        return mark(*arguments)

    monkeypatch.setattr("streamapp.swap.mark", slow_at_first)
    order = asyncio.create_task(bench.service.reload("a person"))
    await asyncio.sleep(0.01)
    look = asyncio.create_task(bench.service.look())
    await asyncio.sleep(0.05)
    may_see.set()
    assert (await order).outcome == "swapped"
    assert await look is False
    assert bench.state()["last_reload"]["by"] == "a person"


async def test_a_look_tries_broken_weights_once(bench: Bench) -> None:
    bench.put(ModelError("broken"))
    assert await bench.service.look() is True
    assert await bench.service.look() is False
    assert bench.count("failed") == 1
    assert bench.state()["reload_error"]["error"] == "broken"
    bench.put("1")
    assert await bench.service.look() is True
    assert bench.state()["reload_error"] is None
    assert bench.first.closed == 0


async def test_a_registry_that_fails_in_the_middle_is_tried_again_at_the_next_look(bench: Bench) -> None:
    bench.put(RegistryUnavailable("away"))
    assert await bench.service.look() is True
    bench.shelf.there = "2"
    assert await bench.service.look() is True
    assert await bench.version() == "2"


async def test_a_registry_that_cannot_be_asked_is_said_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: Any) -> None:
        raise RegistryUnavailable("the registry does not answer")

    with monkeypatch.context() as patch:
        patch.setattr("streamapp.swap.mark", away)
        assert [await bench.service.look() for _ in range(3)] == [True, False, False]
        assert bench.state()["reload_error"]["error"] == "the registry does not answer"
    assert caplog.text.count("the registry does not answer") == 1
    assert await bench.service.look() is True
    assert bench.state()["reload_error"] is None
    assert await bench.version() == "1"
