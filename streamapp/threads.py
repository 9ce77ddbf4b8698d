"""Calls in threads of their own, whose results come back to the event loop."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


async def in_thread(name: str, call: Callable[..., T], *arguments: Any) -> T:
    """The result of a call that takes seconds, or what it raises.

    The thread is a daemon, unlike those of `asyncio.to_thread`: it never keeps the process from ending.
    """
    done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def work() -> None:
        try:
            settle = partial(done.set_result, call(*arguments))
        except Exception as error:  # whatever it is, it belongs to who waits
            settle = partial(done.set_exception, error)
        deliver(done, settle)

    threading.Thread(target=work, name=name, daemon=True).start()
    return await done


def deliver(done: asyncio.Future[Any], settle: Callable[[], None]) -> None:
    """Settle a future in its event loop, unless nobody waits for it any more. Called in any thread."""
    loop = done.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(lambda: None if done.done() else settle())
