from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

import pytest

from streamapp.errors import ObjectMissing, SettingsError, StoreUnavailable
from streamapp.storage.memory import MemoryObjects
from streamapp.storage.objects import ObjectStore
from tests.support.proxy import Proxy
from tests.support.stack import Stack

Objects = ObjectStore | MemoryObjects
BUCKET = "raw-images"


@pytest.fixture(params=["server", "memory"])
async def objects(request: pytest.FixtureRequest) -> AsyncIterator[Objects]:
    """The adapter on a real server, and its twin in memory: both must do the same."""
    opened: AbstractAsyncContextManager[Objects] = MemoryObjects.connect()
    if request.param == "server":
        servers: Stack = request.getfixturevalue("servers")
        opened = ObjectStore.connect(servers.object_store_url)
    async with opened as store:
        await store.ensure_bucket(BUCKET)
        yield store


def path() -> str:
    return f"{BUCKET}/2026/11/22/{uuid4()}.jpg"


@pytest.mark.parametrize("data", [b"", b"\0\xff" * 5_000, b"x" * 6_000_000], ids=len)
async def test_an_object_comes_back_as_it_was_put(objects: Objects, data: bytes) -> None:
    where = path()
    await objects.put(where, data, "image/jpeg")
    assert await objects.get(where) == data


@pytest.mark.parametrize(
    ("offset", "length", "size"), [(0, 0, 300_000), (0, 1, 1), (299_999, 1, 1), (1000, 200_000, 200_000)]
)
async def test_an_object_is_read_in_pieces(objects: Objects, offset: int, length: int, size: int) -> None:
    where, data = path(), bytes(range(250)) * 1200
    await objects.put(where, data, "image/jpeg")
    async with objects.open(where, offset, length) as pieces:
        found = b"".join([piece async for piece in pieces])
    assert len(found) == size
    assert found == data[offset : offset + size]


async def test_an_object_may_be_left_in_the_middle(objects: Objects) -> None:
    where = path()
    await objects.put(where, b"x" * 6_000_000, "image/jpeg")
    for _ in range(3):
        async with objects.open(where) as pieces:
            assert await anext(aiter(pieces))
    assert len(await objects.get(where)) == 6_000_000


async def test_nothing_is_opened_where_nothing_is(objects: Objects) -> None:
    with pytest.raises(ObjectMissing):
        async with objects.open(path()):
            pass


async def test_an_object_is_replaced(objects: Objects) -> None:
    where = path()
    await objects.put(where, b"old", "image/jpeg")
    await objects.put(where, b"new", "image/png")
    assert await objects.get(where) == b"new"


@pytest.mark.parametrize("where", [f"{BUCKET}/none.jpg", "no-such-bucket/a.jpg", "nonsense", f"{BUCKET}/../a"])
async def test_what_is_not_there_is_missing(objects: Objects, where: str) -> None:
    with pytest.raises(ObjectMissing):
        await objects.get(where)


async def test_a_bucket_may_be_asked_for_again(objects: Objects) -> None:
    where = path()
    await objects.put(where, b"kept", "image/jpeg")
    await objects.ensure_bucket(BUCKET)
    assert await objects.get(where) == b"kept"


async def test_nothing_can_be_put_into_a_bucket_that_is_not_there(objects: Objects) -> None:
    with pytest.raises(StoreUnavailable, match="bucket"):
        await objects.put("no-such-bucket/a.jpg", b"x", "image/jpeg")


async def test_every_character_of_a_name_that_is_taken_can_be_used(objects: Objects) -> None:
    where = f"{BUCKET}/aZ09!-_.*'()/{'x' * 128}"
    await objects.put(where, b"x", "image/jpeg")
    assert await objects.get(where) == b"x"


async def test_it_answers_a_ping(objects: Objects) -> None:
    await objects.ping()


# -- what only a server does -------------------------------------------------------------------------------------------


async def test_the_content_type_is_kept(servers: Stack) -> None:
    async with ObjectStore.connect(servers.object_store_url) as objects:
        await objects.ensure_bucket(BUCKET)
        where = path()
        await objects.put(where, b"x", "image/webp")
        found = await objects._client.stat_object(*where.split("/", 1))
    assert found.content_type == "image/webp"


async def test_wrong_keys_are_said_so(servers: Stack) -> None:
    host = servers.object_store_url.rpartition("@")[2]
    with pytest.raises(StoreUnavailable) as caught:
        async with ObjectStore.connect(f"http://someone:s3cret@{host}"):
            pass
    assert "s3cret" not in str(caught.value)
    assert host in str(caught.value)


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1", "http://"])
async def test_a_url_of_something_else_is_a_settings_error(url: str) -> None:
    with pytest.raises(SettingsError, match="STREAMAPP_OBJECT_STORE_URL"):
        async with ObjectStore.connect(url):
            pass


async def test_it_recovers_when_the_server_was_away(servers: Stack, proxy: Callable[[str], Proxy]) -> None:
    between = proxy(servers.object_store_url)
    await between.start()
    where = path()
    async with ObjectStore.connect(between.url) as objects:
        await objects.ensure_bucket(BUCKET)
        await objects.put(where, b"x", "image/jpeg")
        await between.cut()
        for attempt in (objects.ping(), objects.put(where, b"y", "image/jpeg"), objects.get(where)):
            with pytest.raises(StoreUnavailable):
                await attempt
        await between.start()
        assert await objects.get(where) == b"x"
        await objects.put(where, b"y", "image/jpeg")
        assert await objects.get(where) == b"y"


async def test_connections_are_kept(servers: Stack, proxy: Callable[[str], Proxy]) -> None:
    between = proxy(servers.object_store_url)
    await between.start()
    async with ObjectStore.connect(between.url) as objects:
        await objects.ensure_bucket(BUCKET)
        for _ in range(5):
            where = path()
            await objects.put(where, b"x" * 10_000, "image/jpeg")
            await objects.get(where)
    assert between.accepted == 1
