"""The tree of processes: servers, workers, dashboard, producer, started in this order and stopped in reverse."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

from mode import Service

from streamapp import topics
from streamapp.devstack import health, servers
from streamapp.devstack.child import Command
from streamapp.devstack.options import UpOptions
from streamapp.devstack.ports import PortBook
from streamapp.devstack.process import Process, Surroundings
from streamapp.devstack.programs import API, WORKERS, Programs, Worker, base_url
from streamapp.devstack.progress import Progress
from streamapp.devstack.servers import Server
from streamapp.errors import BrokerError, StreamappError
from streamapp.evict import evict
from streamapp.settings import PREFIX, Settings
from streamapp.storage.urls import masked

SERVER_WAIT_S, GIVEN_WAIT_S = 30.0, 10.0  # our own servers, those that are set
WORKER_WAIT_S = 180.0
# The whole stop; in it, the longest for servers, workers and front, and what each leaves to those that stop later.
STOP_S, LONGEST_S, KEPT_S = 9.0, (2.5, 7.0, 1.5), (0.0, 2.0, 7.0)


Leave = Callable[[str, int], Awaitable[None]]


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
        began = time.monotonic()
        planned = servers.plan(self._settings, self._settings.data_dir, self._ports)
        variables = servers.environ(planned, self._settings)
        addresses = {server.setting: server.url for server in planned}
        self._shared.runfile.update(**addresses, environ=variables)
        if self._options.servers_only:
            await self._start_servers(planned)
        else:
            programs = Programs.on(self._settings, self._options, variables)
            addresses = await self._start_platform(planned, programs) | addresses
        self._shared.runfile.update(ready=True)
        self._shared.book.say(f"ready after {time.monotonic() - began:.1f} s; Ctrl-C stops everything")
        for name, url in addresses.items():
            self._shared.book.say(f"  {name.removesuffix('_url').replace('_', ' '):<13} {masked(url)}")

    async def on_stop(self) -> None:
        """Stop the highest tier first; what shares a tier stops together, and leaves time to the lower ones."""
        deadline = time.monotonic() + STOP_S
        for process in self._shared.running:
            process.retire()
        by_tier = attrgetter("command.tier")
        running = sorted(self._shared.running, key=by_tier, reverse=True)
        for tier, processes in groupby(running, key=by_tier):
            together = list(processes)
            for process in together:
                process.grace_s = min(LONGEST_S[tier], deadline - time.monotonic() - KEPT_S[tier])
            await asyncio.gather(*(process.stop() for process in together))
        self._ports.close()

    def kill(self) -> None:
        """End every process at once."""
        for process in self._shared.running:
            process.kill()

    async def _start_platform(self, planned: list[Server], programs: Programs) -> dict[str, str]:
        """Everything in order; the addresses for people."""
        api_port, dashboard_port = self._web_port("api_port"), self._web_port("dashboard_port")
        workers = programs.workers(self._ports, api_port)
        preparing = await self._start(programs.prepare_models()) if programs.models else None
        started = await self._start_servers(planned)
        await topics.ensure(programs.worker_settings)
        if "kafka" in started:
            started["kafka"].after_restart = partial(self._topics_again, planned, programs)
        leave = partial(self._leave, programs) if "kafka" in started else None
        await self._start_workers([worker for worker in workers if not worker.needs_models], leave)
        addresses = await self._start_front(programs, base_url(self._settings, api_port), dashboard_port)
        self._shared.runfile.update(**addresses)
        if preparing is not None:
            await preparing.done.wait()
        await self._start_workers([worker for worker in workers if worker.needs_models], leave)
        pages = {worker.command.name: worker.ready_url for worker in workers}
        if "dashboard_url" in addresses:
            pages["dashboard"] = f"{addresses['dashboard_url']}/healthz"
        for name, url in pages.items():
            await health.until(partial(health.http, url), name, WORKER_WAIT_S)
        await self._start_stream(programs, addresses)
        return addresses

    async def _start_servers(self, planned: list[Server]) -> dict[str, Process]:
        """Start ours, then see that each one that is needed answers."""
        started = {server.name: await server.start(self._shared) for server in planned if server.start}
        for server in planned:
            wait_s = SERVER_WAIT_S if server.start else GIVEN_WAIT_S
            await health.until(server.check, f"{server.name} ({masked(server.url)})", wait_s)
        return started

    async def _start_workers(self, workers: list[Worker], leave: Leave | None) -> None:
        for worker in workers:
            process = await self._start(worker.command)
            process.after_death = partial(leave, worker.role) if leave else None

    async def _leave(self, programs: Programs, role: str, pid: int) -> None:
        """Take a dead worker out of its group: the embedded broker would wait for it for ever."""
        try:
            await evict(programs.worker_settings, role, pid)
        except BrokerError as error:
            self._shared.book.say(str(error))

    async def _start_front(self, programs: Programs, api_url: str, dashboard_port: int) -> dict[str, str]:
        """The dashboard, if it is wanted and there is an API for it; the addresses for people."""
        if API not in programs.roles:
            return {}
        if not self._options.dashboard:
            return {"api_url": api_url}
        await self._start(programs.dashboard(dashboard_port, api_url))
        scheme = "https" if self._settings.tls_cert else "http"
        return {"dashboard_url": f"{scheme}://127.0.0.1:{dashboard_port}", "api_url": api_url}

    async def _start_stream(self, programs: Programs, addresses: dict[str, str]) -> None:
        """The demonstration's stream, if it is wanted, and the progress line."""
        if "api_url" not in addresses:
            return
        if self._options.demo:
            await self._start(programs.producer(addresses["api_url"]))
        await self.add_runtime_dependency(Progress(addresses["api_url"], self._shared.book))

    async def _start(self, command: Command) -> Process:
        process = Process(command, self._shared)
        await process.start()
        return process

    async def _topics_again(self, planned: list[Server], programs: Programs) -> None:
        """A broker that was killed may have forgotten its newest topics.

        The workers are frozen for that moment: they ask for their topics all the time, and what they ask for is made
        by the broker, with one partition.
        """
        broker = next(server for server in planned if server.setting == "broker")
        workers = [process for process in self._shared.running if process.command.tier == WORKERS]
        for worker in workers:
            worker.signal(signal.SIGSTOP)
        try:
            await health.until(broker.check, broker.name, SERVER_WAIT_S)
            await topics.ensure(programs.worker_settings)
        except StreamappError as error:
            self._shared.failed(error)
        finally:
            for worker in workers:
                worker.signal(signal.SIGCONT)

    def _web_port(self, setting: str) -> int:
        """The port of a web server: the one that was asked for, or the usual one, or a free one near it."""
        asked = setting in self._settings.model_fields_set
        return self._ports.claim(getattr(self._settings, setting), PREFIX + setting.upper() if asked else "")
