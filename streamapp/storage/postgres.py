"""PostgreSQL: the ledger of accepted images and what became of each. Recovers by itself when the server comes back."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Self
from uuid import UUID

import asyncpg

from streamapp.errors import RowRefused, SettingsError, StoreUnavailable
from streamapp.records import ImageMessage, Prediction, Verdict
from streamapp.storage import listing, migrations, views
from streamapp.storage.listing import ImageFilter, PredictionFilter, Span, VerdictFilter
from streamapp.storage.queries import READ, WRITE
from streamapp.storage.rows import Rows, image_arguments
from streamapp.storage.urls import masked
from streamapp.storage.views import Counts, ImageView

#: Longest wait for a new connection, for a free one of the pool, for one statement, for it to be cancelled.
CONNECT_S, ACQUIRE_S, STATEMENT_S, RELEASE_S = 3.0, 5.0, 10.0, 0.5
#: A statement that the server refuses for its data: wrong values, broken constraints, too long for an index.
DATA_ERRORS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)


class Database:
    """A small pool of connections; `async with Database.connect(url) as db`.

    Every method raises StoreUnavailable when the server does not answer (trying again may help). Methods that write
    raise RowRefused when the server refuses what is written (trying again never helps).
    """

    def __init__(self, pool: Any, url: str) -> None:
        self._pool = pool
        self._url = masked(url)

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, *, min_size: int = 1, max_size: int = 4) -> AsyncIterator[Self]:
        """Open the pool, and close it at the end.

        Raises:
            SettingsError: the URL is none of a PostgreSQL database.
            StoreUnavailable: the server does not answer or refuses the login.
        """
        pool = await _open(url, min_size=min_size, max_size=max_size)
        try:
            yield cls(pool, url)
        finally:
            await _close(pool)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A free connection of the pool."""
        with _errors(self._url):
            connection = await self._pool.acquire(timeout=ACQUIRE_S)
            try:
                yield connection
            finally:
                with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):  # closed then
                    await self._pool.release(connection, timeout=RELEASE_S)

    async def ping(self) -> None:
        """Ask the server for an answer."""
        async with self.connection() as connection:
            await connection.fetchval("SELECT 1", timeout=CONNECT_S)

    async def migrate(self) -> None:
        """Apply the migrations that are missing; several workers may do so at once.

        Raises:
            SchemaMismatch: an applied migration's file has been changed since.
        """
        async with self.connection() as connection:
            await migrations.apply(connection, migrations.available())

    # -- ingest --------------------------------------------------------------------------------------------------------

    async def insert_pending(self, image: ImageMessage, width: int, height: int, size_bytes: int) -> None:
        """Note that an image is accepted and not yet published. Sizes in pixels and bytes."""
        async with self.connection() as connection:
            await connection.execute(WRITE["insert_pending"], *image_arguments(image), width, height, size_bytes)

    async def mark_published(self, image_ids: Collection[UUID]) -> None:
        """Note that the broker has acknowledged these images."""
        async with self.connection() as connection:
            await connection.execute(WRITE["mark_published"], list(image_ids))

    async def discard_pending(self, image_ids: Collection[UUID]) -> None:
        """Forget images that were never published: their uploads failed before the original was stored."""
        async with self.connection() as connection:
            await connection.execute(WRITE["discard_pending"], list(image_ids))

    async def pending_older_than(self, seconds: float, limit: int) -> list[ImageMessage]:
        """Images accepted more than `seconds` ago (by the database's clock) and not yet published, oldest first."""
        async with self.connection() as connection:
            rows = await connection.fetch(READ["pending_older_than"], float(seconds), limit)
        return [views.message(row) for row in rows]

    # -- recorder ------------------------------------------------------------------------------------------------------

    async def store(self, rows: Rows) -> dict[str, int]:
        """Store a batch in one transaction: all of it, or nothing. Storing it again changes nothing.

        Returns:
            Rows sent by table.

        Raises:
            RowRefused: at least one row cannot be stored.
        """
        sent: dict[str, int] = {}
        async with self.connection() as connection, connection.transaction():
            for table, query, arguments in rows.writes():
                await connection.executemany(WRITE[query], arguments)
                sent[table] = sent.get(table, 0) + len(arguments)
        return sent

    # -- readers -------------------------------------------------------------------------------------------------------

    async def image(self, image_id: UUID) -> ImageView | None:
        """One image with its live predictions and its verdict; None when it is unknown."""
        async with self.connection() as connection:
            row = await connection.fetchrow(READ["image"], image_id)
            found = await listing.with_answers(connection, [views.image(row)] if row else [])
        return found[0] if found else None

    async def recent_images(
        self, limit: int, span: Span | None = None, which: ImageFilter | None = None
    ) -> list[ImageView]:
        """A page of images, newest first."""
        async with self.connection() as connection:
            return await listing.images(connection, limit, span or Span(), which or ImageFilter())

    async def recent_verdicts(self, limit: int, span: Span, which: VerdictFilter) -> list[Verdict]:
        """A page of verdicts without their predictions, newest first."""
        async with self.connection() as connection:
            return await listing.verdicts(connection, limit, span, which)

    async def recent_predictions(self, limit: int, span: Span, which: PredictionFilter) -> list[Prediction]:
        """A page of predictions, newest first."""
        async with self.connection() as connection:
            return await listing.predictions(connection, limit, span, which)

    async def prediction(self, prediction_id: UUID) -> Prediction | None:
        """One prediction, of whichever run; None when it is unknown."""
        async with self.connection() as connection:
            row = await connection.fetchrow(READ["prediction"], prediction_id)
        return views.prediction(row) if row else None

    async def counts(self) -> Counts:
        """How many images were accepted, and what became of them by model. Reads whole tables."""
        async with self.connection() as connection:
            totals = await connection.fetchrow(READ["count_rows"])
            rows = await connection.fetch(READ["count_outcomes"])
        return Counts(**totals, outcomes=views.outcomes(rows))


async def _open(url: str, **size: int) -> Any:
    try:
        with _errors(masked(url)):
            return await asyncpg.create_pool(
                url,
                **size,
                timeout=CONNECT_S,
                command_timeout=STATEMENT_S,
                server_settings={"application_name": "streamapp", "timezone": "UTC"},
            )
    except ValueError:  # its text may hold a part of the password
        raise SettingsError("STREAMAPP_DATABASE_URL is not postgresql://user:password@host:port/database") from None


async def _close(pool: Any) -> None:
    """Close the pool, by force where the server does not say goodbye."""
    try:
        async with asyncio.timeout(CONNECT_S):
            await pool.close()
    except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        pool.terminate()


@contextmanager
def _errors(url: str) -> Iterator[None]:
    """Tell what the data are to blame for from everything else, which may pass."""
    try:
        yield
    except asyncpg.ClientConfigurationError:
        raise
    except DATA_ERRORS as error:
        raise RowRefused(f"PostgreSQL refuses a row: {error}") from error
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        # asyncpg's own error for a value that does not fit its column's type is both of these, and has no public name.
        if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
            raise RowRefused(f"PostgreSQL cannot take a value: {error}") from error
        raise StoreUnavailable(
            f"PostgreSQL at {url} is not available: {error or 'no answer in time'}", "postgres"
        ) from error
