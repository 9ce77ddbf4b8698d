"""One stream of events per dashboard process, fanned out to every browser session."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from dash_ui.board import STRIP, Board, Link
from dash_ui.client import Api, ApiDown, ApiProblem
from dash_ui.data import Race, Stats, UnexpectedAnswer
from dash_ui.pictures import Pictures
from dash_ui.sessions import Session

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
LIVE_WINDOW = "1m"
# The API pushes the figures of one minute; longer windows move slowly and are asked for at every third push.
PUSHES_PER_ASK = 3
# Thumbnails are fetched as their verdicts come, so that they are here when the browsers ask; no more at once than this.
WARM_AT_ONCE = 8

Failures = (ApiDown, ApiProblem, UnexpectedAnswer, ValueError, KeyError, TypeError)


class Hub:
    """Keeps the board up to date from the API and wakes the sessions that show it."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.pictures = Pictures(api)
        self.board = Board()
        self._sessions: dict[str, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pushes = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Hub"]:
        """Follow the API until the block ends."""
        async with self.api:
            follower = asyncio.create_task(self._follow())
            try:
                yield self
            finally:
                for task in (follower, *self._tasks):
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    # -- sessions ----------------------------------------------------------------------------------
    @asynccontextmanager
    async def session(self, session_id: str, window: str, pinned: str | None) -> AsyncIterator[Session]:
        """A browser session, from its first update to its end. A newer one of the same page takes over."""
        session = Session(window, pinned)
        previous = self._sessions.get(session_id)
        if previous is not None:
            previous.close()
        self._sessions[session_id] = session
        self._ask_for(session)
        try:
            yield session
        finally:
            session.close()
            if self._sessions.get(session_id) is session:
                del self._sessions[session_id]

    def choose(self, session_id: str, window: str, pinned: str | None) -> None:
        """A person has chosen a window or pinned an image (None: follow the newest)."""
        session = self._sessions.get(session_id)
        if session is not None:
            session.window, session.pinned = window, pinned
            self._ask_for(session)
            session.wake()

    def _ask_for(self, session: Session) -> None:
        """Get what the session wants to see and the board does not have."""
        if session.window != LIVE_WINDOW:
            self._start(self._take_stats(session.window))
        race = self.board.race(session.pinned) if session.pinned else None
        if session.pinned and (race is None or race.pending):
            self._start(self._take_image(session))

    # -- the API -----------------------------------------------------------------------------------
    async def _follow(self) -> None:
        """Read the stream of events; when it breaks, try again, with longer and longer pauses."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                async with self.api.events() as events:
                    await self._catch_up()
                    self._take_link(Link("live"))
                    pause = FIRST_PAUSE_S
                    async for event, data in events:
                        self._take(event, data)
                error = "the stream of events ended"
            except Failures as failure:
                error = str(failure)
            # A stream that breaks is first "reconnecting"; only when that fails is the API "down".
            self._take_link(Link("reconnecting" if self.board.link.state == "live" else "down", error))
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _catch_up(self) -> None:
        """What happened before, or while we were not connected."""
        self.board.take_newest([Race.from_image(image) for image in await self.api.newest(STRIP)])
        self.board.take_stats(Stats.parse(await self.api.stats(LIVE_WINDOW)))
        self.board.take_models(await self.api.models())
        for session in self._sessions.values():
            self._ask_for(session)

    def _take(self, event: str, data: Any) -> None:
        """One event. What cannot be read is logged and left out: the next one may be fine."""
        try:
            if event == "verdict":
                race = Race.from_verdict(data)
                self.board.take_verdict(race)
                if self._sessions and len(self._tasks) < WARM_AT_ONCE:
                    self._start(self._warm(race.image_id))
            elif event == "stats":
                self.board.take_stats(Stats.parse(data))
                self._ask_for_longer_windows()
        except UnexpectedAnswer as error:
            log.warning("%s", error)
        self._wake_all()

    def _ask_for_longer_windows(self) -> None:
        self._pushes += 1
        if self._pushes % PUSHES_PER_ASK == 0:
            for window in {session.window for session in self._sessions.values()} - {LIVE_WINDOW}:
                self._start(self._take_stats(window))

    async def _take_stats(self, window: str) -> None:
        with self._quiet_while_down():
            self.board.take_stats(Stats.parse(await self.api.stats(window)))
            self._wake_all()

    async def _warm(self, image_id: str) -> None:
        with self._quiet_while_down():
            await self.pictures.thumbnail(image_id)

    async def _take_image(self, session: Session) -> None:
        """Fetch an image that somebody pinned."""
        image_id = session.pinned
        if image_id is None:
            return
        try:
            self.board.take_fetched(Race.from_image(await self.api.image(image_id)))
        except ApiProblem as problem:
            session.missing = (image_id, problem.title)
        except (ApiDown, UnexpectedAnswer) as error:
            session.missing = (image_id, str(error))
        self._wake_all()

    @staticmethod
    def _quiet_while_down() -> suppress:
        """The banner already says that the API does not answer."""
        return suppress(ApiDown, ApiProblem)

    def _take_link(self, link: Link) -> None:
        if link.state != self.board.link.state:
            log.info("API %s: %s%s", self.api.url, link.state, f" ({link.error})" if link.error else "")
        self.board.take_link(link)
        self._wake_all()

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _wake_all(self) -> None:
        for session in self._sessions.values():
            session.wake()
