import asyncio
import time

from dash_ui import sessions
from dash_ui.sessions import REFRESH_S, Session
from dash_ui.view import View


async def count_moments(session: Session, seconds: float) -> int:
    async def run() -> None:
        nonlocal seen
        async for _ in session.moments():
            seen += 1

    seen = 0
    task = asyncio.create_task(run())
    await asyncio.sleep(seconds)
    session.close()
    await task
    return seen


async def test_fifty_changes_a_second_are_merged_to_a_few_updates() -> None:
    session = Session(View())

    async def ring() -> None:
        while not session.closed:
            session.wake()
            await asyncio.sleep(0.02)

    ringing = asyncio.create_task(ring())
    seen = await count_moments(session, 1.0)
    await ringing
    assert 2 <= seen <= 1 / REFRESH_S + 1


async def test_without_changes_there_is_still_a_pulse() -> None:
    assert 2 <= await count_moments(Session(View()), 2.5) <= 3


async def test_a_change_after_a_pause_is_told_at_once() -> None:
    session = Session(View())
    moments = session.moments()
    await anext(moments)
    waiting = asyncio.create_task(anext(moments))  # type: ignore[arg-type]
    await asyncio.sleep(REFRESH_S + 0.1)
    assert not waiting.done()
    started = time.monotonic()
    session.wake()
    await waiting
    assert time.monotonic() - started < (sessions.PULSE_S - REFRESH_S) / 2
