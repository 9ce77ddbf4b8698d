"""What the open pages want to know from the API: asked once for all of them, again and again while somebody looks."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from dash_ui.client import API, ApiDown, ApiProblem

TICK_S = 0.25
#: An ask that failed is tried again after this time.
RETRY_S = 3.0
#: An answer that nobody wants any more is kept for this time, for whoever comes back.
KEEP_S = 60.0


@dataclass(frozen=True)
class Ask:
    """A GET of the API; asked again every so many seconds, or once."""

    path: str
    params: tuple[tuple[str, str], ...] = ()
    every_s: float | None = None


@dataclass(frozen=True)
class Answer:
    """What the API said last, and why it says nothing now: `error` may stand beside older data."""

    data: Any = None
    error: ApiProblem | ApiDown | None = None


def image(image_id: str) -> Ask:
    """One image with its predictions and verdict, which may come after the image is known, and be amended later."""
    return Ask(f"{API}/images/{quote(image_id, safe='')}", every_s=3)


#: Images on one page of the grid: more would make a refresh too large.
PER_PAGE = 24


def images(filters: Mapping[str, str]) -> Ask:
    """A page of images, newest first; filters that are empty are left out."""
    wanted = {"limit": str(PER_PAGE), **filters}
    newest = not filters.get("before")
    params = tuple(sorted((name, value) for name, value in wanted.items() if value))
    return Ask(f"{API}/images", params, every_s=10 if newest else None)


def unlabelled(limit: int, before: str = "") -> Ask:
    """Images that nobody has labelled, to look through; those before an image where one is given."""
    wanted = {"labelled": "false", "limit": str(limit), "before": before}
    return Ask(f"{API}/images", tuple(sorted((name, value) for name, value in wanted.items() if value)), every_s=10)


def ledger() -> Ask:
    """Is every accepted image accounted for? It reads whole tables, so not more often."""
    return Ask(f"{API}/ledger", every_s=5)


def system() -> Ask:
    """The state of the broker, the stores and the workers."""
    return Ask(f"{API}/system", every_s=3)


def letters(filters: Mapping[str, str]) -> Ask:
    """A page of dead letters, newest first."""
    return Ask(
        f"{API}/dead-letters", tuple(sorted((name, value) for name, value in filters.items() if value)), every_s=5
    )


def alerts() -> Ask:
    """What is wrong now and what was, newest first."""
    return Ask(f"{API}/alerts", (("limit", "20"),), every_s=5)


def rules() -> Ask:
    """When alerts fire; they stay as they are while the API runs."""
    return Ask(f"{API}/alerts/rules", every_s=60)


def stats(window: str) -> Ask:
    """The figures of every model over a window; longer ones move slowly."""
    return Ask(f"{API}/stats", (("window", window),), every_s=3)


def models() -> Ask:
    """What each model worker serves."""
    return Ask(f"{API}/models", every_s=10)


class Source(Protocol):
    """The part of `Api` that is needed here."""

    async def get(self, path: str, params: Iterable[tuple[str, str]] = ()) -> Any:
        """The JSON answer; raises ApiDown or ApiProblem."""


class Asks:
    """Answers by their asks. `wanted` says which are wanted now, `changed` is called when one has come."""

    def __init__(self, api: Source, wanted: Callable[[], set[Ask]], changed: Callable[[Ask], None]) -> None:
        self._api, self._wanted, self._changed = api, wanted, changed
        self._answers: dict[Ask, Answer] = {}
        self._due: dict[Ask, float] = {}
        self._seen: dict[Ask, float] = {}
        self._coming: dict[Ask, asyncio.Task[None]] = {}
        self._bell = asyncio.Event()

    def answer(self, ask: Ask) -> Answer | None:
        """The newest answer; None before the first."""
        return self._answers.get(ask)

    def wake(self) -> None:
        """Somebody wants something else now."""
        self._bell.set()

    def refresh(self, path: str = "") -> None:
        """Ask for everything below a path anew: something has changed, or the API is back."""
        for ask in [ask for ask in self._due if ask.path.startswith(path)]:
            del self._due[ask]
        self._bell.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ask until the block ends."""
        keeper = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            for task in (keeper, *self._coming.values()):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _keep(self) -> None:
        while True:
            self._start(self._wanted(), time.monotonic())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), TICK_S)
            self._bell.clear()

    def _start(self, wanted: set[Ask], now: float) -> None:
        for ask in wanted:
            self._seen[ask] = now
            if ask not in self._coming and now >= self._due.get(ask, 0):
                self._coming[ask] = asyncio.create_task(self._ask(ask))
        for ask in [ask for ask, seen in self._seen.items() if now - seen > KEEP_S]:
            for kept in (self._answers, self._due, self._seen):
                kept.pop(ask, None)

    async def _ask(self, ask: Ask) -> None:
        before = self._answers.get(ask) or Answer()
        # Due again from when it was asked: an answer may be older than a `refresh` while it was on its way.
        self._due[ask] = time.monotonic() + (float("inf") if ask.every_s is None else ask.every_s)
        try:
            answer = Answer(await self._api.get(ask.path, ask.params))
        except (ApiProblem, ApiDown) as error:
            answer = Answer(before.data, error)
            self._due[ask] = time.monotonic() + max(RETRY_S, ask.every_s or 0)
        finally:
            del self._coming[ask]
        self._answers[ask] = answer
        self._changed(ask)
