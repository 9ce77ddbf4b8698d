"""The measurements' own arithmetic: a wrong figure would be worse than none."""

import os
import subprocess
import sys
import time
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from benchmarks import series
from benchmarks.ledger import Ledger, ledger
from benchmarks.report import quantile
from benchmarks.series import Sample
from benchmarks.usage import Meter, Usage

MODELS = ["mobilenet", "resnet50"]


def books(adds_up: bool | None = True, agrees: bool = True) -> dict[str, Any]:
    return {
        "idle": adds_up is not None,
        "adds_up": adds_up,
        "models": [{"model": model, "live": {"agrees": agrees}} for model in MODELS],
    }


def entry(image_id: str, models: list[str], complete: bool = True) -> dict[str, Any]:
    predictions = [{"model": model} for model in models]
    return {"image": {"image_id": image_id}, "predictions": predictions, "verdict": {"complete": complete}}


async def book_of(pages: list[list[dict[str, Any]]], acknowledged: list[str], *answers: dict[str, Any]) -> Ledger:
    """The ledger when the API lists these pages, and tells these answers of its own, the last one again and again."""
    told = list(answers or [books()])

    async def images(request: web.Request) -> web.Response:
        number = int(request.query.get("before", 0))
        following = str(number + 1) if number + 1 < len(pages) else None
        return web.json_response({"images": pages[number], "next": following})

    async def own(_: web.Request) -> web.Response:
        return web.json_response(told.pop(0) if len(told) > 1 else told[0])

    app = web.Application()
    app.add_routes([web.get("/api/v1/images", images), web.get("/api/v1/ledger", own)])
    async with TestServer(app) as server:
        return await ledger(str(server.make_url("")).rstrip("/"), acknowledged, MODELS)


async def test_every_image_answered_once_by_each_model_is_no_fault() -> None:
    pages = [[entry("c", MODELS), entry("b", MODELS[::-1])], [entry("a", MODELS), entry("older", [])]]
    assert (await book_of(pages, ["a", "b", "c"])).faults == {}


@pytest.mark.parametrize(
    ("pages", "acknowledged", "faults"),
    [
        ([[entry("a", MODELS)]], ["a", "lost"], {"unknown to the API": 1}),
        ([[entry("a", MODELS)]], ["a", "a"], {"acknowledged twice": 1}),
        ([[entry("a", ["resnet50"])]], ["a"], {"not each model exactly once": 1}),
        ([[entry("a", [*MODELS, "resnet50"])]], ["a"], {"not each model exactly once": 1}),
        ([[entry("a", MODELS, complete=False)]], ["a"], {"no complete verdict": 1}),
    ],
    ids=["lost", "acknowledged twice", "answer missing", "answer double", "verdict incomplete"],
)
async def test_each_kind_of_fault_is_seen(
    pages: list[list[dict[str, Any]]], acknowledged: list[str], faults: dict[str, int]
) -> None:
    assert (await book_of(pages, acknowledged)).faults == faults


@pytest.mark.parametrize(
    ("answers", "exact"),
    [
        ([books()], True),
        ([books(None), books(agrees=False), books()], True),
        ([books(False)], False),
        ([books(agrees=False)], False),
        ([books(None)], False),
    ],
    ids=["exact", "exact in the end", "something is missing", "the figures differ", "it never rests"],
)
async def test_the_platforms_own_ledger_is_asked_until_it_rests(
    answers: list[dict[str, Any]], exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.ledger.IDLE_S", 1.0)
    monkeypatch.setattr("benchmarks.ledger.FIGURES_S", 1.5)
    assert (await book_of([[]], [], *answers)).exact is exact


async def test_what_the_client_misses_counts_too() -> None:
    assert not (await book_of([[]], ["lost"])).exact


def test_growth_is_the_slope_after_the_warm_up() -> None:
    def sample(second: float, mib: float) -> Sample:
        return Sample(second, 0, {"group": 0}, {"worker": Usage(0, mib, 0), "api": Usage(0, 50, 0)})

    warm_up = [sample(10, 1), sample(60, 500)]
    growth = series.growth([*warm_up, *(sample(second, 100 + second / 60 * 3) for second in (70, 130, 190))])
    assert growth == pytest.approx({"total": 3, "worker": 3, "api": 0}, abs=1e-9)
    assert series.growth(warm_up) == {}


def test_quantiles_are_values_that_were_measured() -> None:
    assert [quantile([5, 1, 4, 2, 3], share) for share in (0, 0.5, 0.95, 1)] == [1, 3, 5, 5]


def test_the_meter_sees_a_busy_child_of_a_named_process() -> None:
    busy = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    with subprocess.Popen([sys.executable, "-c", busy], start_new_session=True) as process:
        try:
            meter = Meter({"named": process.pid})
            for _ in range(100):
                time.sleep(0.05)
                used = meter.sample({"named": process.pid, "gone": 2**22 + 1})
                if used["named"].cpu_percent > 20:
                    break
        finally:
            os.killpg(process.pid, 9)
    assert used["named"].cpu_percent > 20
    assert used["named"].rss_mib > 5
    assert used["gone"] == Usage(0, 0, 0)
