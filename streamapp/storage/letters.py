"""The dead letters in PostgreSQL: listed, and settled by whoever sends them again or gives them up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from pydantic import AwareDatetime

from streamapp.storage.postgres import Database
from streamapp.storage.queries import LETTERS
from streamapp.storage.views import View

Status = Literal["open", "retried", "discarded"]


class Filter(NamedTuple):
    """Which letters; None means any. `since` is the time at which a letter was written."""

    model: str | None = None
    reason: str | None = None
    stage: str | None = None
    since: datetime | None = None


class Letter(View):
    """A dead letter without its value. `outcome` is what became of its image by now, for the same model and run."""

    id: int
    group: str
    topic: str
    partition: int
    offset: int
    image_id: UUID | None
    model: str | None
    run_id: str
    stage: str
    reason: str
    error: str
    timestamp: AwareDatetime
    status: Status
    tries: int
    settled_at: AwareDatetime | None
    value_bytes: int
    outcome: str | None


class WholeLetter(Letter):
    """A dead letter with the original message's value."""

    value: bytes


class LetterStore:
    """The dead letters of a database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def page(self, which: Filter, status: Status | None, limit: int, before: int | None = None) -> list[Letter]:
        """Letters with an id below `before`, newest first."""
        async with self._db.connection() as connection:
            rows = await connection.fetch(LETTERS["page"], *which, status, before, limit)
        return [Letter.model_validate(dict(row)) for row in rows]

    async def open_after(self, which: Filter, after: int, through: int, limit: int) -> list[int]:
        """Ids of open letters above `after` and up to `through`, oldest first."""
        async with self._db.connection() as connection:
            rows = await connection.fetch(LETTERS["open_after"], *which, after, through, limit)
        return [row["id"] for row in rows]

    async def newest(self) -> int:
        """The id of the newest letter; 0 where there is none."""
        async with self._db.connection() as connection:
            return int(await connection.fetchval(LETTERS["newest"]))

    async def one(self, letter_id: int) -> WholeLetter | None:
        """A letter; None when it is unknown."""
        async with self._db.connection() as connection:
            return await _letter(connection, letter_id)

    @asynccontextmanager
    async def settling(self, letter_id: int, status: Status) -> AsyncIterator[WholeLetter | None]:
        """The letter, for this block alone: at its end it has this status, and is as before when the block raises."""
        async with self._db.connection() as connection, connection.transaction():
            await connection.fetch(LETTERS["lock"], letter_id)
            yield await _letter(connection, letter_id)
            await connection.execute(LETTERS["settle"], letter_id, status)


async def _letter(connection: Any, letter_id: int) -> WholeLetter | None:
    row = await connection.fetchrow(LETTERS["letter"], letter_id)
    return WholeLetter.model_validate(dict(row)) if row else None
