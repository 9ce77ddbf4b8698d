"""Workers that are killed, told to stop, frozen and multiplied under load."""

import asyncio
import signal
import time
from collections import Counter

import pytest

from streamapp import topics
from streamapp.records import Prediction, now
from tests.support.lab import Lab

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("victim", ["ash-1", "stats-1", "recorder-1"])
async def test_f1_killed(platform: Lab, victim: str) -> None:
    async with platform.trial("F1", f"kill -9 of {victim}", cameras=True) as trial:
        for _ in platform.form.times(5):
            killed_at = time.monotonic()
            platform.fleet.restart(victim)
            await platform.fleet.ready([victim])
            await trial.recovered(killed_at)


async def test_f2_told_to_stop_in_the_middle_of_a_batch(platform: Lab) -> None:
    fleet, oracle = platform.fleet, platform.oracle
    before = await oracle.ends(topics.PREDICTIONS)
    async with platform.trial("F2", "SIGTERM of all but the API, mid-batch") as trial:
        fleet.misbehave("ash", delay_s=0.3)  # so that it has its window full
        await asyncio.sleep(2)
        victims, before_stop = ("ash-1", "stats-1", "recorder-1"), now()
        took_s = await asyncio.to_thread(fleet.stop, *victims)
        assert took_s <= 30
        assert {fleet[name].process.returncode for name in victims} == {0}
        stopped_at = time.monotonic()
        fleet.behave()
        fleet.start(*victims)
        await fleet.ready(victims)
        await trial.recovered(stopped_at)
    answers = [Prediction.decode(message.value) for message in await oracle.wire(before)]
    wire = Counter((answer.image_id, answer.model) for answer in answers)
    twice = [answer for answer in answers if wire[answer.image_id, answer.model] > 1]
    assert not twice, f"a duplicate on the wire; {before_stop:%H:%M:%S.%f} was the stop: {twice}"


async def test_f3_frozen_workers_rejoin(platform: Lab) -> None:
    """One that is alone, and one whose partitions another worker takes meanwhile."""
    fleet, victims = platform.fleet, ("ash-1", "stats-1")
    fleet.start("stats-2")
    hold_s = platform.form.seconds(30, 15)
    async with platform.trial("F3", f"SIGSTOP of ash-1 and stats-1, {hold_s} s", cameras=True) as trial:
        for name in victims:
            fleet[name].signal(signal.SIGSTOP)
        await asyncio.sleep(hold_s)
        for name in victims:
            fleet[name].signal(signal.SIGCONT)
        resumed_at = time.monotonic()
        await fleet.ready(victims)
        await trial.recovered(resumed_at)
    outcomes = (await platform.oracle.outcomes(trial.promise.frames)).values()
    assert "shed" in {found["ash"] for found in outcomes}, "no frame was too old after that time"
    fleet.stop("stats-2")
    del fleet.workers["stats-2"]


async def test_f8_more_workers_and_fewer(platform: Lab) -> None:
    fleet, more = platform.fleet, ("ash-2", "stats-2", "recorder-2")
    async with platform.trial("F8", "workers 1 → 2 → 1", cameras=True) as trial:
        fleet.start(*more)
        await fleet.ready(more)
        await fleet.ready()
        await asyncio.sleep(2)
        await asyncio.to_thread(fleet.stop, *more)
        assert {fleet[name].process.returncode for name in more} == {0}
        for name in more:
            del fleet.workers[name]
        await trial.recovered()
