"""Fixtures of the contract tests: a database of its own for each module, and a proxy that can fail."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from streamapp.storage.postgres import Database
from tests.support.proxy import Proxy
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
