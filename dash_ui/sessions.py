"""What one open page shows, and when it has to be told something."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass

from dash_ui.data import Race
from dash_ui.language import DEFAULT
from dash_ui.signins import SignIn
from dash_ui.view import View

# Updates are merged: a page is told at most seven times a second, and at least once a second, so that it
# knows that the dashboard is alive and that ages ("3 s ago") are right.
REFRESH_S = 0.15
PULSE_S = 1.0
MOST_REVIEWED = 1000


@dataclass(frozen=True)
class Held:
    """The images of every camera when somebody pressed pause, newest first, and how many there had been by then."""

    races: tuple[Race, ...]
    taken: int


class Session:
    """The choices of one page and the bell that wakes its updates."""

    def __init__(self, view: View, language: str = DEFAULT, visitor: SignIn | None = None) -> None:
        self.view = view
        self.language = language
        self.visitor = visitor
        self.held: Held | None = None
        self.labelled: dict[str, str] = {}  # by image, in the order in which they were labelled
        self.passed: list[str] = []  # images left for later, the last one last
        self.reviewed: dict[str, Race] = {}  # what was shown to be labelled: once it is, the API lists it no more
        self.again: list[str] = []  # images that were brought back, the last one first
        self.trail: dict[tuple[str, int], str] = {}  # the URLs of the pages of a list that were seen, by their number
        self.asleep = False  # the page does not answer: its tab is closed or frozen
        self.closed = False
        self._shown = ("", 0.0)
        self._bell = asyncio.Event()

    @property
    def must_leave(self) -> bool:
        """Whether its visitor has signed out, or has to sign in."""
        return self.visitor is not None and self.visitor.over.is_set()

    def resume(self, previous: "Session") -> None:
        """The same page, connected again: it goes on where it was."""
        self.held, self.labelled, self.passed = previous.held, previous.labelled, previous.passed
        self.reviewed, self.again, self.trail = previous.reviewed, previous.again, previous.trail

    def show(self, races: Iterable[Race]) -> None:
        """These are shown to be labelled: they can come back."""
        self.reviewed.update({race.image_id: race for race in races})
        while len(self.reviewed) > MOST_REVIEWED:
            del self.reviewed[next(iter(self.reviewed))]

    def bring_back(self, image_id: str) -> None:
        """Show this image to be labelled before all others."""
        self.again = [image_id, *(each for each in self.again if each != image_id)]

    def stays(self, image_id: str) -> float:
        """For how many seconds this image has been the one that is shown."""
        now = time.monotonic()
        if self._shown[0] != image_id:
            self._shown = (image_id, now)
        return now - self._shown[1]

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
