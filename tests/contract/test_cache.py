import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

import pytest

from streamapp.errors import SettingsError, StoreUnavailable
from streamapp.storage.cache import Cache
from streamapp.storage.memory import MemoryCache
from tests.support.proxy import Proxy
from tests.support.stack import Stack

AnyCache = Cache | MemoryCache


@pytest.fixture(params=["server", "memory"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[AnyCache]:
    """The adapter on a real server, and its twin in memory: both must do the same."""
    opened: AbstractAsyncContextManager[AnyCache] = MemoryCache.connect()
    if request.param == "server":
        servers: Stack = request.getfixturevalue("servers")
        opened = Cache.connect(servers.redis_url)
    async with opened as one:
        yield one


def key() -> str:
    return f"test:{uuid4()}"


async def test_a_value_is_found_again(cache: AnyCache) -> None:
    where = key()
    assert await cache.get(where) is None
    await cache.put(where, b"\0\xff", 60)
    assert await cache.get(where) == b"\0\xff"
    await cache.put(where, b"new", 60)
    assert await cache.get(where) == b"new"
    assert cache.failures == 0
    await cache.ping()


async def test_a_value_expires(cache: AnyCache) -> None:
    where = key()
    await cache.put(where, b"x", 0.1)
    assert await cache.get(where) == b"x"
    await asyncio.sleep(0.15)
    assert await cache.get(where) is None
    assert cache.failures == 0


async def test_values_are_found_by_how_their_keys_begin(cache: AnyCache) -> None:
    where = key()
    assert await cache.values(f"{where}:") == []
    await cache.put(f"{where}:a", b"1", 60)
    await cache.put(f"{where}:b", b"2", 60)
    await cache.put(f"{where}:gone", b"3", 0.01)
    await cache.put(f"{where}-other", b"4", 60)
    await asyncio.sleep(0.05)
    assert sorted(await cache.values(f"{where}:")) == [b"1", b"2"]


async def test_hits_and_misses_are_counted(cache: AnyCache) -> None:
    where = key()
    before = await cache.figures()
    await cache.put(where, b"x", 60)
    await cache.get(where)
    await cache.get(key())
    after = await cache.figures()
    assert before is not None and after is not None
    assert after.hits > before.hits
    assert after.misses > before.misses
    assert after.bytes > 0


async def test_what_is_there_is_not_replaced_but_given_back(cache: AnyCache) -> None:
    where = key()
    assert await cache.add(where, b"first", 0.2) is None
    assert await cache.add(where, b"second", 60) == b"first"
    await asyncio.sleep(0.25)
    assert await cache.add(where, b"third", 60) is None
    assert await cache.get(where) == b"third"
    assert cache.failures == 0


async def test_numbers_are_counted_up(cache: AnyCache) -> None:
    where = key()
    for _ in range(3):
        await cache.increment(where)
    assert await cache.get(where) == b"3"


# -- what only a server does -------------------------------------------------------------------------------------------


async def test_without_a_server_nothing_is_found_and_nothing_raises(caplog: pytest.LogCaptureFixture) -> None:
    async with Cache.connect("redis://ann:s3cret@127.0.0.1:1/0") as cache:
        with caplog.at_level(logging.WARNING):
            await cache.put("a", b"x", 60)
            for _ in range(50):
                assert await cache.get("a") is None
        assert cache.failures == 1, "it must not even be tried again within a second"
        with pytest.raises(StoreUnavailable):
            await cache.ping()
    assert len(caplog.records) == 1
    assert "s3cret" not in caplog.text


async def test_a_server_that_hangs_costs_one_short_wait(servers: Stack, proxy: Callable[[str], Proxy]) -> None:
    between = proxy(servers.redis_url)
    await between.start()
    async with Cache.connect(between.url) as cache:
        await cache.put("a", b"x", 60)
        between.freeze()
        started = time.perf_counter()
        for _ in range(50):
            assert await cache.get("a") is None
        assert time.perf_counter() - started < 0.6
        assert cache.failures == 1


async def test_it_recovers_when_the_server_was_away(
    servers: Stack, proxy: Callable[[str], Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamapp.storage.cache.REST_S", 0.1)
    between = proxy(servers.redis_url)
    await between.start()
    async with Cache.connect(between.url) as cache:
        where = key()
        await cache.put(where, b"x", 60)
        await between.cut()
        assert await cache.get(where) is None
        assert cache.failures == 1
        await between.start()
        await asyncio.sleep(0.15)
        assert await cache.get(where) == b"x"
        assert cache.failures == 1


async def test_a_wrong_password_fails_open_and_the_ping_says_so(servers: Stack) -> None:
    host = servers.redis_url.rpartition("@")[2].removeprefix("redis://")
    async with Cache.connect(f"redis://:wrong@{host}") as cache:
        assert await cache.get("a") is None
        with pytest.raises(StoreUnavailable):
            await cache.ping()


async def test_a_url_of_something_else_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="STREAMAPP_REDIS_URL"):
        async with Cache.connect("http://127.0.0.1"):
            pass


async def test_a_tally_counts_and_is_forgotten(cache: AnyCache) -> None:
    where, other = key(), key()
    assert [await cache.tally([where], 60) for _ in range(3)] == [[1], [2], [3]]
    assert await cache.tally([other, where], 60) == [1, 4]
    short = key()
    assert await cache.tally([short], 0.1) == [1]
    await asyncio.sleep(0.15)
    assert await cache.tally([short], 60) == [1]
