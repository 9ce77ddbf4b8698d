"""The broker is restarted, killed, out of reach, far away."""

import asyncio
import time

import pytest

from tests.support.fleet import ROLES
from tests.support.lab import Lab
from tests.support.trial import Trial

pytestmark = pytest.mark.kafka
#: Longest time until an upload that cannot be published is refused.
REFUSED_WITHIN_S = 6.0


def refused_in_time(trial: Trial) -> None:
    """Every upload that was not taken was answered with 503, and soon."""
    assert {status for status, _ in trial.load.refusals} <= {503}
    assert max((seconds for _, seconds in trial.load.refusals), default=0) <= REFUSED_WITHIN_S


async def test_f4_restarted_in_order(platform: Lab) -> None:
    async with platform.trial("F4", "broker restarted in order") as trial:
        for _ in platform.form.times(5):
            await asyncio.to_thread(platform.kafka.stop)
            await trial.refused()
            await asyncio.to_thread(platform.kafka.start)
            await trial.recovered(time.monotonic())
    refused_in_time(trial)


async def test_f5_killed(platform: Lab) -> None:
    async with platform.trial("F5", "broker kill -9") as trial:
        for _ in platform.form.times(3):
            await asyncio.to_thread(platform.kafka.kill)
            await asyncio.sleep(1)
            await asyncio.to_thread(platform.kafka.start)
            await trial.recovered(time.monotonic())
    refused_in_time(trial)


async def test_f6_a_black_hole(platform: Lab) -> None:
    links = [platform.kafka.links[role] for role in ("cedar", "stats", "recorder")]
    hold_s = platform.form.seconds(45, 35)
    async with platform.trial("F6", f"black hole to three workers, {hold_s} s") as trial:
        for link in links:
            link.freeze()
        await asyncio.sleep(hold_s)
        for link in links:
            link.thaw()
        await trial.recovered(time.monotonic())
    assert trial.load.refusals == [], "the API has its own way to the broker"


async def test_f7_far_away_and_unreliable(platform: Lab) -> None:
    links = [platform.kafka.links[role] for role in ROLES]
    joined = platform.joins()
    async with platform.trial("F7", "500 ms latency, connections reset") as trial:
        for link in links:
            link.slow(0.25)
        for _ in range(int(platform.form.seconds(10, 4))):
            await asyncio.sleep(3)
            for link in links:
                link.reset()
        for link in links:
            link.slow(0)
        await trial.recovered(time.monotonic())
    refused_in_time(trial)
    assert platform.joins() - joined <= len(ROLES), "no rebalance storm"
