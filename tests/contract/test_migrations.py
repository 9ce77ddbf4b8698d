import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from streamapp.errors import SchemaMismatch
from streamapp.storage import migrations
from streamapp.storage.migrations import Migration
from streamapp.storage.postgres import Database


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the module's database, emptied."""
    opened = await asyncpg.connect(database_url)
    await opened.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    yield opened
    await opened.close()


async def test_workers_that_start_together_apply_each_migration_once(
    connection: asyncpg.Connection, database_url: str
) -> None:
    async def worker() -> None:
        async with Database.connect(database_url, max_size=1) as db:
            await db.migrate()

    await asyncio.gather(*(worker() for _ in range(8)))

    rows = await connection.fetch("SELECT version, name, sha256 FROM schema_migrations ORDER BY version")
    assert [(row["version"], row["name"], row["sha256"]) for row in rows] == [
        (step.version, step.name, step.sha256) for step in migrations.available()
    ]
    tables = await connection.fetch("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    assert {row["table_name"] for row in tables} == {
        *("schema_migrations", "images", "outcomes", "predictions", "verdicts"),
        *("labels", "labelled_images", "dead_letters", "ledger_starts", "runs", "alerts", "api_keys"),
    }


async def test_only_new_migrations_are_applied(connection: asyncpg.Connection) -> None:
    first, second = Migration(1, "one", "CREATE TABLE one ()"), Migration(2, "two", "CREATE TABLE two ()")
    assert await migrations.apply(connection, [first]) == [first]
    assert await migrations.apply(connection, [first, second]) == [second]
    assert await migrations.apply(connection, [first, second]) == []


async def test_a_changed_migration_is_an_error_that_names_the_file(connection: asyncpg.Connection) -> None:
    await migrations.apply(connection, [Migration(1, "one", "CREATE TABLE one ()")])
    changed = [Migration(1, "one", "CREATE TABLE one (x int)"), Migration(2, "two", "CREATE TABLE two ()")]
    with pytest.raises(SchemaMismatch, match=r"001_one\.sql"):
        await migrations.apply(connection, changed)
    assert await connection.fetchval("SELECT to_regclass('two')") is None


async def test_a_migration_that_fails_leaves_nothing_behind(connection: asyncpg.Connection) -> None:
    steps = [Migration(1, "one", "CREATE TABLE one ()"), Migration(2, "two", "CREATE TABLE two (); SELECT 1/0")]
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrations.apply(connection, steps)
    assert await connection.fetchval("SELECT to_regclass('one')") is None
    assert await connection.fetchval("SELECT to_regclass('schema_migrations')") is None


async def test_the_indexes_serve_the_newest_first(connection: asyncpg.Connection) -> None:
    """A page must not sort the whole table."""
    await migrations.apply(connection, migrations.available())
    await connection.execute("SET enable_seqscan = off")
    for query in (
        "SELECT * FROM labelled_images ORDER BY timestamp DESC, image_id DESC LIMIT 10",
        "SELECT * FROM labelled_images WHERE (timestamp, image_id) < (now(), gen_random_uuid())"
        " ORDER BY timestamp DESC, image_id DESC LIMIT 10",
        "SELECT * FROM images WHERE state = 'pending' AND accepted_at < now() ORDER BY accepted_at LIMIT 10",
        "SELECT * FROM predictions WHERE model = 'resnet50' ORDER BY timestamp DESC LIMIT 10",
        "SELECT * FROM dead_letters ORDER BY timestamp DESC LIMIT 10",
    ):
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}"))
        assert "Index" in plan, plan
        outer = plan.split("SubPlan")[0].split("->  Limit")[0]
        assert "Sort" not in outer, plan
