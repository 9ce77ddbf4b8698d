"""What one open page shows, and when it has to be told something."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

# Updates are merged: a page is told at most five times a second, and at least once a second, so that it
# knows that the dashboard is alive and that ages ("3 s ago") are right.
REFRESH_S = 0.2
PULSE_S = 1.0


class Session:
    """The choices of one page and the bell that wakes its updates."""

    def __init__(self, window: str, pinned: str | None) -> None:
        self.window = window
        self.pinned = pinned
        self.missing: tuple[str, str] | None = None  # a pinned image that cannot be had, and why
        self.asleep = False  # the page does not answer: its tab is closed or frozen
        self.closed = False
        self._bell = asyncio.Event()

    def wake(self) -> None:
        """Something that the page may show has changed."""
        self._bell.set()

    def close(self) -> None:
        """End the updates."""
        self.closed = True
        self._bell.set()

    async def moments(self) -> AsyncIterator[None]:
        """When to update the page: at once when something changes, then no sooner than REFRESH_S later."""
        while not self.closed:
            yield
            await asyncio.sleep(REFRESH_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), PULSE_S - REFRESH_S)
            self._bell.clear()
