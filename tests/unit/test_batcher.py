import asyncio
import time
from dataclasses import dataclass

import pytest

from streamapp.batcher import Batcher


@dataclass(frozen=True)
class Parcel:
    name: int
    weight: int = 1


async def test_a_single_item_on_a_quiet_day_leaves_at_once() -> None:
    batcher: Batcher[Parcel] = Batcher(10, wait_s=30)
    await batcher.put(Parcel(1))
    async with asyncio.timeout(1):
        assert await batcher.next() == [Parcel(1)]


async def test_after_a_batch_items_wait_for_others_but_not_longer_than_told() -> None:
    batcher: Batcher[Parcel] = Batcher(10, wait_s=0.1)
    await batcher.put(Parcel(0))
    await batcher.next()
    started = time.perf_counter()
    leaving = asyncio.create_task(batcher.next())
    for name in (1, 2, 3):
        await batcher.put(Parcel(name))
        await asyncio.sleep(0.01)
    assert await leaving == [Parcel(1), Parcel(2), Parcel(3)]
    assert 0.05 < time.perf_counter() - started < 0.5


async def test_a_full_batch_does_not_wait() -> None:
    batcher: Batcher[Parcel] = Batcher(3, wait_s=30, batches=4)
    await batcher.put(Parcel(0))
    await batcher.next()
    for name in range(1, 8):
        await batcher.put(Parcel(name))
    async with asyncio.timeout(1):
        assert [parcel.name for parcel in await batcher.next()] == [1, 2, 3]
        assert [parcel.name for parcel in await batcher.next()] == [4, 5, 6]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(batcher.next(), 0.05)


async def test_it_holds_no_more_than_its_limit_until_a_batch_is_released() -> None:
    batcher: Batcher[Parcel] = Batcher(2, wait_s=0, batches=2)

    async def fill() -> None:
        for name in range(7):
            await batcher.put(Parcel(name))

    filling = asyncio.create_task(fill())
    await asyncio.sleep(0.02)
    assert batcher.held == 4

    batch = await batcher.next()
    await asyncio.sleep(0.02)
    assert batcher.held == 4, "a batch that has left and is not released still takes its room"

    batcher.release(batch)
    await asyncio.sleep(0.02)
    assert batcher.held == 4
    seen = [parcel.name for parcel in batch]
    while len(seen) < 7:
        batch = await batcher.next()
        seen += [parcel.name for parcel in batch]
        batcher.release(batch)
    await filling
    assert seen == list(range(7))
    assert batcher.held == 0


async def test_weight_counts_and_an_item_heavier_than_a_batch_passes_alone() -> None:
    batcher: Batcher[Parcel] = Batcher(10, wait_s=0)
    await batcher.put(Parcel(1, weight=6))
    await batcher.put(Parcel(2, weight=6))
    assert batcher.held == 12
    assert await batcher.next() == [Parcel(1, 6)]
    batcher.release([Parcel(1, 6)])
    batcher.release(await batcher.next())

    async with asyncio.timeout(1):
        await batcher.put(Parcel(3, weight=1000))
        assert await batcher.next() == [Parcel(3, 1000)]


async def test_a_closed_batcher_gives_what_it_has_and_then_nothing() -> None:
    batcher: Batcher[Parcel] = Batcher(2, wait_s=30)
    for name in range(3):
        await batcher.put(Parcel(name))
    batcher.close()
    async with asyncio.timeout(1):
        assert [parcel.name for parcel in await batcher.next()] == [0, 1]
        assert [parcel.name for parcel in await batcher.next()] == [2]
        assert await batcher.next() == []
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(batcher.put(Parcel(9)), 0.05)


async def test_one_who_waits_for_a_batch_hears_of_the_close() -> None:
    batcher: Batcher[Parcel] = Batcher(2, wait_s=30)
    waiting = asyncio.create_task(batcher.next())
    await asyncio.sleep(0)
    batcher.close()
    async with asyncio.timeout(1):
        assert await waiting == []
