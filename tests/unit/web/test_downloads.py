"""Originals whose store, or whose reader, goes away in the middle."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import aiohttp
import pytest

from streamapp.errors import StoreUnavailable
from streamapp.web import downloads
from tests.unit.ingest import pictures
from tests.unit.web.doubles import make_context, running_api
from tests.unit.web.test_images import uploaded


@asynccontextmanager
async def broken(path: str, offset: int, length: int) -> AsyncIterator[AsyncIterator[bytes]]:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 100
        raise StoreUnavailable("the object store does not answer", "objects")

    yield pieces()


async def test_a_store_that_goes_away_in_the_middle_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    context = make_context()
    async with running_api(context) as client:
        image_id = await uploaded(client, pictures.jpeg())
        monkeypatch.setattr(context.objects, "open", broken)
        with pytest.raises(aiohttp.ClientPayloadError):
            async with client.get(f"/api/v1/images/{image_id}/original") as answer:
                assert answer.status == 200
                await answer.read()


async def test_a_reader_who_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "WRITE_TIMEOUT_S", 0.1)
    context, ended = make_context(), asyncio.Event()

    @asynccontextmanager
    async def endless(path: str, offset: int, length: int) -> AsyncIterator[AsyncIterator[bytes]]:
        async def pieces() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 1_000_000

        yield pieces()
        ended.set()

    async with running_api(context) as client:
        image_id = await uploaded(client, pictures.jpeg())
        image = context.db.images[UUID(image_id)]
        context.db.images[UUID(image_id)] = image.model_copy(update={"size_bytes": 10**12})
        monkeypatch.setattr(context.objects, "open", endless)
        async with client.get(f"/api/v1/images/{image_id}/original") as answer:
            assert answer.status == 200
            async with asyncio.timeout(30):
                await ended.wait()
