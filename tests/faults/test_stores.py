"""PostgreSQL, the object store and the cache are away, or hang."""

import asyncio
import time

import pytest

from tests.faults.test_broker import refused_in_time
from tests.support.lab import Lab
from tests.support.proxy import Link

pytestmark = pytest.mark.kafka
#: What becomes of a store, and how it comes back. A short test leaves the second way out.
WAYS = {"away": (Link.cut, Link.start), "hangs": (Link.freeze, Link.thaw)}


@pytest.mark.parametrize("store", ["database_url", "object_store_url", "redis_url"])
async def test_f16_a_store_fails_and_comes_back(platform: Lab, store: str) -> None:
    link, hold_s = platform.stores[store], platform.form.seconds(30, 10)
    for way in list(WAYS)[: len(platform.form.times(2))]:
        fail, mend = WAYS[way]
        async with platform.trial("F16", f"{store.removesuffix('_url')} {way}, {hold_s} s") as trial:
            fail(link)
            await asyncio.sleep(hold_s)
            mend(link)
            await trial.recovered(time.monotonic())
        refused_in_time(trial)
        assert bool(trial.load.refusals) == (store != "redis_url"), "nobody waits for the cache"
