"""The tree of processes: servers, workers, dashboard, producer, started in this order and stopped in reverse."""

import asyncio
from itertools import groupby
from operator import attrgetter
from typing import Any

from mode import Service

from streamapp.devstack import health, servers
from streamapp.devstack.options import UpOptions
from streamapp.devstack.ports import PortBook
from streamapp.devstack.process import Surroundings
from streamapp.settings import Settings

SERVER_WAIT_S = 30.0


class Stack(Service):
    """The servers and, unless only they are wanted, the workers, the dashboard and the producer."""

    def __init__(self, settings: Settings, options: UpOptions, shared: Surroundings, **more: Any) -> None:
        super().__init__(**more)
        self._settings = settings
        self._options = options
        self._shared = shared
        self._ports = PortBook()

    async def bring_up(self) -> None:
        """Start everything; return when all of it answers.

        Raises:
            StreamappError: something could not be started.
        """
        planned = servers.plan(self._settings, self._settings.data_dir, self._ports)
        for server in planned:
            if server.start:
                await server.start(self._shared)
        for server in planned:
            await health.until(server.check, f"{server.name} ({health.masked(server.url)})", SERVER_WAIT_S)
        urls = {server.setting: server.url for server in planned}
        self._shared.runfile.update(**urls, environ=servers.environ(planned, self._settings), ready=True)

    async def on_stop(self) -> None:
        """Stop the highest tier first; what shares a tier stops together."""
        by_tier = attrgetter("command.tier")
        running = sorted(self._shared.running, key=by_tier, reverse=True)
        for _, tier in groupby(running, key=by_tier):
            await asyncio.gather(*(process.stop() for process in tier))
        self._ports.close()

    def kill(self) -> None:
        """End every process at once."""
        for process in self._shared.running:
            process.kill()
