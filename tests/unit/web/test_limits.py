"""How often somebody may ask."""

from unittest.mock import Mock
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from streamapp.access import keys
from streamapp.access.callers import ANYBODY, Caller
from streamapp.errors import StoreUnavailable, TooManyRequests, Unauthorized
from streamapp.storage.keys import KeyStore
from streamapp.storage.memory import MemoryCache
from streamapp.web import auth, limits
from streamapp.web.limits import Limits, address_of
from tests.unit.web.doubles import make_context, running_api

ADA, BEN = Caller("key:ada", frozenset({"read"})), Caller("key:ben", frozenset({"read"}))


@pytest.fixture(autouse=True)
def one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits.time, "time", lambda: 120.0 * 1000 + 20)


def a_request(method: str = "GET", address: str = "192.0.2.1") -> web.Request:
    transport = Mock()
    transport.get_extra_info = {"peername": (address, 1)}.get
    return make_mocked_request(method, "/", transport=transport)


async def ask(door: Limits, caller: Caller | None, method: str = "GET", address: str = "192.0.2.1") -> Caller:
    async def find() -> Caller:
        if caller is None:
            raise Unauthorized("who?")
        return caller

    return await door.known(a_request(method, address), find)


async def test_each_caller_has_a_limit_of_its_own() -> None:
    door = Limits(make_context(rate_limit=3))
    for _ in range(3):
        assert await ask(door, ADA) == ADA
    with pytest.raises(TooManyRequests, match="key:ada has asked more than 3 times") as caught:
        await ask(door, ADA)
    assert caught.value.retry_after_s == 41
    assert await ask(door, BEN) == BEN


async def test_without_a_limit_nobody_is_counted() -> None:
    door = Limits(make_context(rate_limit=0, address_limit=0))
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
    await door.may_guess(a_request())
    await door.spend(a_request("POST"), ANYBODY, "POST")


async def test_an_address_has_a_limit_whatever_its_keys() -> None:
    door = Limits(make_context(address_limit=4))
    for _ in range(2):
        await ask(door, ADA)
        await ask(door, BEN)
    with pytest.raises(TooManyRequests, match=r"the address 192\.0\.2\.1 has asked more than 4 times") as caught:
        await ask(door, BEN)
    assert caught.value.retry_after_s == 41
    assert await ask(door, BEN, address="192.0.2.2") == BEN


async def test_where_nobody_says_who_it_is_the_address_is_counted() -> None:
    door = Limits(make_context(address_limit=2, rate_limit=1))
    for _ in range(2):
        await door.spend(a_request("POST"), ANYBODY, "POST")
    with pytest.raises(TooManyRequests, match=r"the address 192\.0\.2\.1"):
        await door.spend(a_request("POST"), ANYBODY, "POST")


@pytest.mark.parametrize(
    ("remote", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::1", "::1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_of_ipv6_the_network_is_counted(remote: str, counted: str) -> None:
    assert address_of(a_request(address=remote)) == counted


async def test_a_guesser_costs_no_look_up_after_its_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_for: list[str] = []
    good = keys.create()

    async def caller(_: KeyStore, key: keys.ApiKey) -> Caller | None:
        looked_for.append(key.id)
        return ADA if key == good else None

    monkeypatch.setattr(KeyStore, "caller", caller)
    monkeypatch.setattr(auth, "BELIEVED_S", 0.0)
    async with running_api(make_context(auth=True)) as client:

        async def status(key: keys.ApiKey) -> int:
            answer = await client.get("/api/v1/models", headers={"Authorization": f"Bearer {key}"})
            assert ("Retry-After" in answer.headers) is (answer.status == 429)
            return answer.status

        assert await status(good) == 200
        tries = [await status(keys.create()) for _ in range(limits.MOST_FAILURES + 20)]
        assert tries == [401] * limits.MOST_FAILURES + [429] * 20
        assert len(looked_for) == 1 + limits.MOST_FAILURES
        assert await status(good) == 200, "who was here before may come from the same address"
        assert looked_for[-1] == good.id


async def test_on_loopback_without_keys_an_address_is_told_when_to_come_back() -> None:
    async with running_api(make_context(address_limit=2)) as client:
        answers = [await client.get("/api/v1/models") for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[-1].headers["Retry-After"] == "41"
        assert (await client.get("/healthz")).status == 404, "what is open is not counted; here it is not served"
        graphql = await client.post("/graphql", json={"query": "{ models { model } }"})
        assert (graphql.status, graphql.headers["Retry-After"]) == (429, "41")


async def test_what_fails_within_graphql_says_when_to_try_again() -> None:
    context = make_context()
    context.db.fails = StoreUnavailable("PostgreSQL does not answer")  # type: ignore[attr-defined]
    async with running_api(context) as client:
        query = '{ prediction(id: "%s") { model } }' % uuid4()  # noqa: UP031
        answer = await client.post("/graphql", json={"query": query})
        [error] = (await answer.json())["errors"]
        assert (answer.status, answer.headers["Retry-After"]) == (200, "2")
        assert error["extensions"] == {"code": "store-unavailable", "status": 503, "retry_after_s": 2}
        assert "Retry-After" not in (await client.post("/graphql", json={"query": "{ models { model } }"})).headers
