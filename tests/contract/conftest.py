"""Fixtures of the contract tests: a database of its own for each module, and a proxy that can fail."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from streamapp.storage.postgres import Database
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def database_url(servers: Stack) -> Iterator[str]:
    """A database that no other module uses."""
    name = f"test_{uuid4().hex}"

    async def execute(sql: str) -> None:
        connection = await asyncpg.connect(servers.database_url)
        await connection.execute(sql)
        await connection.close()

    asyncio.run(execute(f"CREATE DATABASE {name}"))
    yield urlsplit(servers.database_url)._replace(path=f"/{name}").geturl()
    asyncio.run(execute(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """The module's database, migrated."""
    async with Database.connect(database_url) as database:
        await database.migrate()
        yield database


class Proxy:
    """Passes bytes on to a server, until it is told to cut everyone off, or to hold every byte back."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname and parts.port
        self._target = (parts.hostname, parts.port)
        self._parts = parts
        self._tasks: set[asyncio.Task[None]] = set()
        self._port = 0
        self.accepted = 0
        self._open = asyncio.Event()
        self._open.set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The server's URL, with the proxy's port."""
        credentials, at, _ = self._parts.netloc.rpartition("@")
        return self._parts._replace(netloc=f"{credentials}{at}127.0.0.1:{self._port}").geturl()

    async def start(self) -> None:
        """Let everyone in, on the same port each time."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Close every connection and refuse new ones, as a server that was killed."""
        assert self._server
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def freeze(self) -> None:
        """Take connections and answer nothing, as a host that hangs."""
        self._open.clear()

    def thaw(self) -> None:
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        upstream = None
        with suppress(OSError, asyncio.CancelledError):
            to_server, upstream = await asyncio.open_connection(*self._target)
            await asyncio.gather(self._pump(reader, upstream), self._pump(to_server, writer))
        for side in (writer, upstream):
            if side:
                side.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._open.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Callable[[str], Proxy]]:
    """Make a proxy in front of the server with this URL; `await` its `start`."""
    made: list[Proxy] = []

    def make(url: str) -> Proxy:
        made.append(Proxy(url))
        return made[-1]

    yield make
    for one in made:
        one.thaw()
        await one.cut()
