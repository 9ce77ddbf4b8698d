"""How often somebody may ask."""

import pytest
from aiohttp.test_utils import make_mocked_request

from streamapp.access.callers import Caller
from streamapp.errors import StoreUnavailable, TooManyRequests, Unauthorized
from streamapp.storage.memory import MemoryCache
from streamapp.web import limits
from streamapp.web.limits import Limits
from tests.unit.web.doubles import make_context

ADA, BEN = Caller("key:ada", frozenset({"read"})), Caller("key:ben", frozenset({"read"}))


@pytest.fixture(autouse=True)
def one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits.time, "time", lambda: 120.0 * 1000 + 20)


async def ask(door: Limits, caller: Caller | None, method: str = "GET") -> Caller:
    async def find() -> Caller:
        if caller is None:
            raise Unauthorized("who?")
        return caller

    return await door.known(make_mocked_request(method, "/"), find)


async def test_each_caller_has_a_limit_of_its_own() -> None:
    door = Limits(make_context(rate_limit=3))
    for _ in range(3):
        assert await ask(door, ADA) == ADA
    with pytest.raises(TooManyRequests, match="key:ada has asked more than 3 times") as caught:
        await ask(door, ADA)
    assert caught.value.retry_after_s == 41
    assert await ask(door, BEN) == BEN


async def test_without_a_limit_nobody_is_counted() -> None:
    door = Limits(make_context(rate_limit=0))
    for _ in range(100):
        await ask(door, ADA)
    for _ in range(limits.MOST_FAILURES + 5):
        with pytest.raises(Unauthorized):
            await ask(door, None)


async def test_an_address_that_guesses_is_stopped() -> None:
    door = Limits(make_context())
    for _ in range(limits.MOST_FAILURES):
        with pytest.raises(Unauthorized):
            await ask(door, None)
    with pytest.raises(TooManyRequests, match="failed too often"):
        await ask(door, None)
    assert await ask(door, ADA) == ADA, "who has a key may come from the same address"


async def test_without_redis_reading_goes_on_and_writing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(*_: object) -> None:
        return None

    monkeypatch.setattr(MemoryCache, "tally", down)
    door = Limits(make_context(rate_limit=1))
    for _ in range(3):
        assert await ask(door, ADA) == ADA
    with pytest.raises(StoreUnavailable):
        await ask(door, ADA, "POST")
    with pytest.raises(Unauthorized):
        await ask(door, None)
