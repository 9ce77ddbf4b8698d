"""PostgreSQL, the object store and the cache are away, or hang."""

import asyncio
import time

import pytest

from tests.faults.test_broker import refused_in_time
from tests.support.lab import Lab

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("store", ["database_url", "object_store_url", "redis_url"])
async def test_f16_a_store_is_away_and_comes_back(platform: Lab, store: str) -> None:
    link, hold_s = platform.stores[store], platform.form.seconds(30, 12)
    async with platform.trial("F16", f"{store.removesuffix('_url')} away, {hold_s} s") as trial:
        link.cut()
        await asyncio.sleep(hold_s)
        link.start()
        await trial.recovered(time.monotonic())
    refused_in_time(trial)
    assert bool(trial.load.refusals) == (store != "redis_url"), "nobody waits for the cache"


@pytest.mark.parametrize("store", ["database_url", "object_store_url", "redis_url"])
async def test_f16_a_store_hangs(platform: Lab, store: str) -> None:
    link, hold_s = platform.stores[store], platform.form.seconds(30, 12)
    async with platform.trial("F16", f"{store.removesuffix('_url')} hangs, {hold_s} s") as trial:
        link.freeze()
        await asyncio.sleep(hold_s)
        link.thaw()
        await trial.recovered(time.monotonic())
    refused_in_time(trial)
    assert bool(trial.load.refusals) == (store != "redis_url"), "nobody waits for the cache"
