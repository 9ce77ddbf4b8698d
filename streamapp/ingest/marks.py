"""Marks of images that the broker has, written to the database many at once."""

import asyncio
import logging
from contextvars import Context
from uuid import UUID

from streamapp.errors import StoreUnavailable
from streamapp.storage.postgres import Database

log = logging.getLogger(__name__)

#: How long marks are gathered before they are written together, in seconds.
MARK_AFTER_S = 0.2


class PublishedMarks:
    """Marks images as published, many in one statement. A mark that is lost makes the sweep publish once more."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: set[UUID] = set()
        self._writing: asyncio.Task[None] | None = None

    def add(self, image_id: UUID) -> None:
        """The broker has this image; write that down soon."""
        self._waiting.add(image_id)
        if self._writing is None or self._writing.done():
            # A context of its own: what it logs is about no request, whichever began it.
            self._writing = asyncio.create_task(self._write_soon(), context=Context())

    async def flush(self) -> None:
        """Write what waits, now."""
        ids, self._waiting = self._waiting, set()
        if not ids:
            return
        try:
            await self._db.mark_published(ids)
        except StoreUnavailable as error:
            log.warning("%d images are published and not marked so, the sweep will repeat them: %s", len(ids), error)

    async def _write_soon(self) -> None:
        while self._waiting:
            await asyncio.sleep(MARK_AFTER_S)
            await self.flush()
