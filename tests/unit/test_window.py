"""The window acknowledges in arrival order, never before an event is done."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from streamapp.window import Window


class Event:
    def __init__(self, number: int, acked: list[int]) -> None:
        self.number, self._acked = number, acked

    def ack(self) -> None:
        self._acked.append(self.number)


async def events(count: int, acked: list[int]) -> AsyncIterator[Event]:
    for number in range(count):
        yield Event(number, acked)


async def no_defect(error: BaseException) -> None:
    raise AssertionError(error)


async def test_acks_wait_for_earlier_events() -> None:
    acked: list[int] = []
    gates = [asyncio.Event() for _ in range(3)]

    async def body(event: Event) -> None:
        await gates[event.number].wait()

    window = Window(3, body, no_defect)
    await window.run(events(3, acked))
    gates[2].set()
    gates[1].set()
    await asyncio.sleep(0.01)
    assert acked == []
    assert len(window) == 3
    gates[0].set()
    assert await window.drain(1)
    assert acked == [0, 1, 2]


async def test_no_more_than_its_size_in_flight() -> None:
    acked: list[int] = []
    running, most = 0, 0

    async def body(event: Event) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002 * (event.number % 3))
        running -= 1

    window = Window(4, body, no_defect)
    await window.run(events(50, acked))
    assert await window.drain(2)
    assert most == 4
    assert acked == list(range(50))


async def test_a_defect_stops_acknowledging_and_is_reported() -> None:
    acked: list[int] = []
    reported: list[BaseException] = []

    async def body(event: Event) -> None:
        if event.number == 1:
            raise ValueError("broken")

    async def report(error: BaseException) -> None:
        reported.append(error)

    window = Window(5, body, report)
    await window.run(events(4, acked))
    assert not await window.drain(0.05)
    assert acked == [0]
    assert [str(error) for error in reported] == ["broken"]


async def test_a_drained_window_takes_nothing_more() -> None:
    acked: list[int] = []

    async def body(event: Event) -> None:
        await asyncio.sleep(0)

    window = Window(2, body, no_defect)
    assert await window.drain(1)
    await window.run(events(5, acked))
    assert acked == []


@pytest.mark.parametrize("size", [1, 8])
async def test_drain_gives_up_on_what_hangs(size: int) -> None:
    acked: list[int] = []
    forever = asyncio.Event()

    async def body(event: Event) -> None:
        await forever.wait()

    window = Window(size, body, no_defect)
    running = asyncio.create_task(window.run(events(1, acked)))
    await asyncio.sleep(0.01)
    assert not await window.drain(0.02)
    assert acked == []
    forever.set()
    await running
    await asyncio.sleep(0.01)
    assert acked == [0]
