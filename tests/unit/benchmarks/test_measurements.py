"""The measurements' own arithmetic: a wrong figure would be worse than none."""

import os
import subprocess
import sys
import time
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from benchmarks import series
from benchmarks.ledger import ledger
from benchmarks.report import quantile
from benchmarks.series import Sample
from benchmarks.usage import Meter, Usage
from streamapp.storage.views import Counts

MODELS = ["mobilenet", "resnet50"]


def counts(accepted: int, mobilenet: int, resnet50: int) -> Counts:
    return Counts(
        accepted=accepted,
        pending=0,
        verdicts=accepted,
        labels=0,
        dead_letters=0,
        outcomes={"mobilenet": {"predicted": mobilenet}, "resnet50": {"predicted": resnet50 - 1, "dead": 1}},
    )


def entry(image_id: str, models: list[str], complete: bool = True) -> dict[str, Any]:
    predictions = [{"model": model} for model in models]
    return {"image": {"image_id": image_id}, "predictions": predictions, "verdict": {"complete": complete}}


async def faults_of(pages: list[list[dict[str, Any]]], acknowledged: list[str]) -> dict[str, int]:
    """The faults that the ledger sees when the API lists these pages."""

    async def images(request: web.Request) -> web.Response:
        number = int(request.query.get("before", 0))
        following = str(number + 1) if number + 1 < len(pages) else None
        return web.json_response({"images": pages[number], "next": following})

    app = web.Application()
    app.add_routes([web.get("/api/v1/images", images)])
    async with TestServer(app) as server, ClientSession(server.make_url("/")) as session:
        zero = counts(0, 0, 1)
        return (await ledger(zero, zero, acknowledged, MODELS, session)).faults


async def test_every_image_answered_once_by_each_model_is_no_fault() -> None:
    pages = [[entry("c", MODELS), entry("b", MODELS[::-1])], [entry("a", MODELS), entry("older", [])]]
    assert await faults_of(pages, ["a", "b", "c"]) == {}


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
    assert await faults_of(pages, acknowledged) == faults


@pytest.mark.parametrize(
    ("after", "exact"), [((13, 23, 33), True), ((13, 22, 33), False), ((13, 24, 32), False), ((14, 23, 33), False)]
)
async def test_the_counts_must_match_for_every_model(after: tuple[int, int, int], exact: bool) -> None:
    async with ClientSession() as session:
        book = await ledger(counts(10, 20, 30), counts(*after), [], MODELS, session)
    assert book.exact is exact


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
