"""Tables that are gone, a model that cannot keep up, topics of another shape."""

import asyncio
import shutil
import signal
import time

import psutil
import pytest
from aiohttp import ClientError, ClientSession

from tests.support.fleet import MODELS, Fleet
from tests.support.lab import Lab
from tests.support.workers import Worker

pytestmark = pytest.mark.kafka
#: What a worker of the role `stats` logs when its tables are whole.
RECOVERED = "partitions are up to date"
#: Growth of a slow worker's memory that is nothing but noise.
NOISE_MIB = 40


async def test_f11_a_slow_model_holds_nobody_up(platform: Lab) -> None:
    fleet = platform.fleet
    await restart_cedar(fleet, lane=False)
    async with platform.trial("F11", "cedar takes 0.2 s, outside the lane") as trial:
        before = await others_ms(platform, trial.began)
        fleet.misbehave("cedar", delay_s=0.2)
        slow_since = time.time()
        memory = rss_mib(fleet["cedar-1"])
        await asyncio.sleep(platform.form.seconds(30, 10))
        grown = rss_mib(fleet["cedar-1"]) - memory
        behind = await trial.lag("streamapp-cedar")
        others_behind = max([await trial.lag(f"streamapp-{model}") for model in ("ash", "birch")])
        during = await others_ms(platform, slow_since)
        fleet.behave()
        await trial.recovered(time.monotonic())
    assert behind > 3 * trial.load.rate, "it was too slow for the load"
    assert others_behind < 3 * trial.load.rate, "ash and birch answer as many images as before"
    assert grown < NOISE_MIB
    assert during < max(3 * before, before + 100), f"ash and birch took {before:.0f} ms an image, then {during:.0f} ms"
    await restart_cedar(fleet)


async def restart_cedar(fleet: Fleet, **changes: object) -> None:
    await fleet.ready()
    await asyncio.to_thread(fleet.stop, "cedar-1")
    fleet.start("cedar-1", **changes)


async def others_ms(platform: Lab, since: float) -> float:
    """Median time from the upload to the answers of the other models, in milliseconds."""
    [row] = await platform.oracle.fetch(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total_ms) FROM outcomes "
        "WHERE timestamp >= to_timestamp($1) AND model IN ('ash', 'birch')",
        since,
    )
    return float(row["percentile_cont"])


def rss_mib(worker: Worker) -> float:
    return float(psutil.Process(worker.process.pid).memory_info().rss) / 2**20


async def test_f13_tables_that_are_gone_come_back_whole(platform: Lab) -> None:
    fleet, link = platform.fleet, platform.kafka.links["stats"]
    async with platform.trial("F13", "tables of stats deleted") as trial:
        await asyncio.to_thread(fleet.stop, "stats-1")
        said = len(fleet["stats-1"].output())
        tables = fleet.data_dir("stats-1") / "tables"
        assert any(tables.rglob("*.sst")) or any(tables.rglob("*.log")), "the tables are on the disk"
        shutil.rmtree(tables)
        link.slow(0.005)  # so that the recovery can be seen; it asks the broker hundreds of times, one after the other
        started_at = time.monotonic()
        fleet.start("stats-1")
        reasons = await reasons_until_ready(fleet["stats-1"])
        assert any("tables are recovering" in reason for reason in reasons), reasons
        assert RECOVERED in fleet["stats-1"].output()[said:], "ready means whole"
        link.slow(0)
        await trial.recovered(started_at)


async def reasons_until_ready(worker: Worker) -> set[str]:
    """Why a worker was not ready, until it was."""
    reasons, deadline = set[str](), time.monotonic() + 60
    async with ClientSession() as http:
        while time.monotonic() < deadline:
            try:
                async with http.get(f"{worker.url}/readyz") as answer:
                    if answer.status == 200:
                        return reasons
                    reasons |= set((await answer.json())["reasons"])
            except (ClientError, OSError):
                pass
            await asyncio.sleep(0.05)
    raise AssertionError(f"not ready: {reasons}")


async def test_f15_another_number_of_partitions_is_refused_at_the_start(platform: Lab) -> None:
    fleet = platform.fleet
    await fleet.ready()
    for role in (MODELS[0], "stats", "recorder", "api"):
        name = f"{role}-misled"
        fleet.start(name, partitions=5)
        try:
            assert await asyncio.to_thread(fleet[name].process.wait, 60) == 1
            said = fleet[name].output()
        finally:
            fleet.kill(name)
            del fleet.workers[name]
        assert f"{role} cannot start: every topic must have 5 partitions, but " in said
        assert "Set STREAMAPP_PARTITIONS to the existing count, or delete these topics" in said
        assert "Traceback" not in said
    assert signal.SIGKILL not in {-code for code in fleet.fallen().values()}
    platform.note("F15", "wrong partition count")
