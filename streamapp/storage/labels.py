"""The labels in PostgreSQL: which one counts for an image, and new ones."""

from collections.abc import Collection, Sequence
from uuid import UUID

from streamapp.records import LabelMessage
from streamapp.storage.postgres import Database
from streamapp.storage.queries import LABELS
from streamapp.storage.rows import Rows


class LabelStore:
    """The labels of a database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def current(self, image_ids: Collection[UUID]) -> dict[UUID, LabelMessage | None]:
        """The label that was given last, by image; None where nobody did, or it was taken back.

        Unknown images are left out.
        """
        async with self._db.connection() as connection:
            rows = await connection.fetch(LABELS["current"], list(image_ids))
        return {row["image_id"]: LabelMessage.model_validate(dict(row)) if row["label"] else None for row in rows}

    async def add(self, labels: Sequence[LabelMessage]) -> None:
        """Note labels at once, which the recorder will find on the topic too; the same one twice is one."""
        if labels:
            await self._db.store(Rows(labels=list(labels)))
