"""The role `recorder`: one agent for each topic that is kept in PostgreSQL."""

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Any

from streamapp import topics
from streamapp.letters import send_dead_letter
from streamapp.recorded import KINDS
from streamapp.recorder import Recorder
from streamapp.records import DeadLetter
from streamapp.roles.shared import Shared
from streamapp.stream import StreamApp, raw_topic

log = logging.getLogger(__name__)

#: Rows wait for their batch anyway; so many times the usual pause between fetches saves most of what fetching costs.
PATIENCE = 5


def register(app: StreamApp, shared: Shared) -> None:
    """Add the agents, and the recorder that they all hand their events to."""
    role = RecorderRole(app, shared)
    app.openers.append(role.open)
    app.drains.append(role.drain)
    for name in KINDS:
        app.agent(raw_topic(app, name), name=f"record-{name}")(role.run)


class RecorderRole:
    """The recorder with its database and its topic of dead letters."""

    def __init__(self, app: StreamApp, shared: Shared) -> None:
        self.app = app
        self.shared = shared
        self.dead_letters = raw_topic(app, topics.DEAD_LETTERS)
        self.recorder: Recorder

    async def open(self, stack: AsyncExitStack) -> None:
        """Connect the database and begin to store."""
        db = await self.shared.database(stack)
        self.recorder = Recorder(self.shared.settings, db, self.send, self.shared.metrics)
        self.storing = asyncio.create_task(self.store())

    async def run(self, stream: Any) -> None:  # faust's StreamT does not know of noack()
        """An agent: events go to the recorder, which acknowledges them when they are stored."""
        async for event in stream.noack().events():
            await self.recorder.submit(event)

    async def store(self) -> None:
        """Store until the worker stops. A defect ends the worker: its events come again after the restart."""
        try:
            await self.recorder.run()
        except Exception as error:
            log.exception("A defect: the recorder raised")
            await self.app.crash(error)

    async def send(self, letter: DeadLetter) -> None:
        """Send a dead letter and wait until the broker has it."""
        await send_dead_letter(self.dead_letters, letter)

    async def drain(self) -> None:
        """Store what was taken before the worker leaves."""
        if hasattr(self, "recorder"):
            await self.recorder.stop()
