"""Rows of many images at once, a query for each kind: what GraphQL's data loaders read."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from streamapp.records import Prediction, Verdict
from streamapp.storage import views
from streamapp.storage.listing import ImageFilter, Span, bare_images
from streamapp.storage.postgres import Database
from streamapp.storage.queries import READ
from streamapp.storage.views import StoredImage


class Batches:
    """Images, and what belongs to them, without anything that was not asked for."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def page(self, limit: int, span: Span, which: ImageFilter) -> list[StoredImage]:
        """Images, newest first."""
        async with self._db.connection() as connection:
            return await bare_images(connection, limit, span, which)

    async def images(self, image_ids: Collection[UUID]) -> dict[UUID, StoredImage]:
        """The images that are known of these."""
        found = [views.image(row) for row in await self._rows("images_of", list(image_ids))]
        return {image.image_id: image for image in found}

    async def predictions(self, image_ids: Collection[UUID]) -> dict[UUID, list[Prediction]]:
        """The live predictions of each image, by model."""
        found: dict[UUID, list[Prediction]] = {image_id: [] for image_id in image_ids}
        for row in await self._rows("live_predictions_of", list(image_ids)):
            found[row["image_id"]].append(views.prediction(row))
        return found

    async def verdicts(self, image_ids: Collection[UUID]) -> dict[UUID, Verdict]:
        """The verdicts on those of these images that have one."""
        found = [views.verdict(row) for row in await self._rows("verdicts_of", list(image_ids))]
        return {verdict.image_id: verdict for verdict in found}

    async def _rows(self, query: str, *arguments: Any) -> list[Any]:
        async with self._db.connection() as connection:
            rows: list[Any] = await connection.fetch(READ[query], *arguments)
        return rows
