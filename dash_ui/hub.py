"""One stream of events per dashboard process, fanned out to every browser session."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from dash_ui import access, asks, pages
from dash_ui.access import Access
from dash_ui.asks import Ask, Asks
from dash_ui.board import STRIP, Board, Link
from dash_ui.client import Api, ApiDown, ApiProblem
from dash_ui.data import Race, Stats, UnexpectedAnswer
from dash_ui.language import speaking
from dash_ui.pictures import Pictures
from dash_ui.sessions import Session
from dash_ui.signins import visiting
from dash_ui.view import View

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
LIVE_WINDOW = "1m"
MODELS = asks.models()
# Thumbnails are fetched as their verdicts come, so that they are here when the browsers ask; no more at once than this.
WARM_AT_ONCE = 8

Failures = (ApiDown, ApiProblem, UnexpectedAnswer, ValueError, KeyError, TypeError)


class Hub:
    """Keeps the board up to date from the API and wakes the sessions that show it."""

    def __init__(self, api: Api, access: Access | None = None) -> None:
        self.api = api
        self.access = access or Access()
        self.access.changed = self._see_out
        self.pictures = Pictures(api)
        self.board = Board()
        self.asks = Asks(api, self._wanted, self._answered)
        self._sessions: dict[str, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Hub"]:
        """Follow the API until the block ends."""
        async with self.api, self.asks.running():
            work = [asyncio.create_task(self._follow()), asyncio.create_task(self._check())]
            try:
                yield self
            finally:
                for task in (*work, *self._tasks):
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    # -- sessions ----------------------------------------------------------------------------------
    @asynccontextmanager
    async def session(self, session_id: str, view: View, language: str) -> AsyncIterator[Session]:
        """A browser session, from its first update to its end. A newer one of the same page takes over."""
        session = Session(view, language, visiting.get())
        previous = self.find(session_id)
        if previous is not None:
            session.resume(previous)
            previous.close()
        self._sessions[session_id] = session
        self.asks.wake()
        try:
            yield session
        finally:
            session.close()
            if self._sessions.get(session_id) is session:
                del self._sessions[session_id]

    def find(self, session_id: str) -> Session | None:
        """The session of a page of this visitor, while it is open."""
        found = self._sessions.get(session_id)
        return found if found is not None and found.visitor is visiting.get() else None

    def mine(self) -> Api:
        """The API as whoever sent the request that is answered now; raises ApiProblem when they have left."""
        return access.mine(self.api)

    def close(self) -> None:
        """The server stops: no page waits for anything any more."""
        for session in self._sessions.values():
            session.close()

    def _see_out(self) -> None:
        """Somebody may have signed out, or has to sign in: their pages end."""
        for session in self._sessions.values():
            if session.must_leave:
                session.close()

    async def _check(self) -> None:
        """See again and again that the keys of those who look are still good."""
        while True:
            await asyncio.sleep(access.BELIEVED_S)
            for visitor in {session.visitor for session in self._sessions.values() if session.visitor}:
                visitor.used = time.monotonic()
                await self.access.check(self.api, visitor)

    def choose(self, session_id: str, view: View) -> None:
        """A person looks at something else."""
        session = self.find(session_id)
        if session is not None:
            session.view = view
            self.asks.wake()
            session.wake()

    def _wanted(self) -> set[Ask]:
        """What the open pages have to know beside what the API pushes."""
        wanted = set[Ask]()
        for session in self._sessions.values():
            if not session.asleep:
                with speaking(session.language):  # what somebody searches for is in their own words
                    wanted |= {MODELS, *pages.wants(session.view, self.board)}
        return wanted

    def _answered(self, ask: Ask) -> None:
        """An answer has come; what the workers say of their models is for every page."""
        answer = self.asks.answer(ask)
        if ask == MODELS and answer and answer.data:
            self.board.take_models(answer.data["models"])
        self._wake_all()

    # -- the API -----------------------------------------------------------------------------------
    async def _follow(self) -> None:
        """Read the stream of events; when it breaks, try again, with longer and longer pauses."""
        pause = FIRST_PAUSE_S
        while True:
            if self.access.needed and self.access.key() is None:
                self._take_link(Link("connecting"))
            await self.access.readable()
            try:
                async with self.access.lent() as key, self.api.of(key).events() as events:
                    await self._catch_up()
                    self._take_link(Link("live"))
                    pause = FIRST_PAUSE_S
                    async for event, data in events:
                        self._take(event, data)
                error = "the stream of events ended"
            except TimeoutError:  # whose key it was has signed out: on with another one
                continue
            except Failures as failure:
                error = str(failure)
                if isinstance(failure, ApiProblem) and failure.status == access.UNAUTHORIZED and self.access.needed:
                    continue
            self.access.tried.set()
            # A stream that breaks is first "reconnecting"; only when that fails is the API "down".
            self._take_link(Link("reconnecting" if self.board.link.state == "live" else "down", error))
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _catch_up(self) -> None:
        """What happened before, or while we were not connected."""
        self.board.take_newest([Race.from_image(image) for image in await self.api.newest(STRIP)])
        self.board.take_stats(Stats.parse(await self.api.stats(LIVE_WINDOW)))
        self.board.take_models(await self.api.models())
        self.asks.refresh()

    def _take(self, event: str, data: Any) -> None:
        """One event. What cannot be read is logged and left out: the next one may be fine."""
        try:
            if event == "verdict":
                race = Race.from_verdict(data)
                self.board.take_verdict(race)
                self.board.minute.take(data, time.time())
                if self._sessions and len(self._tasks) < WARM_AT_ONCE:
                    self._start(self._warm(race.image_id))
            elif event == "stats":
                self.board.take_stats(Stats.parse(data))
        except UnexpectedAnswer as error:
            log.warning("%s", error)
        self._wake_all()

    async def _warm(self, image_id: str) -> None:
        with suppress(ApiDown, ApiProblem):  # the banner already says that the API does not answer
            await self.pictures.get(image_id)

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
