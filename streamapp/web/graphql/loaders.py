"""Data loaders: what many resolvers want of their images at the same moment is one query."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from streamapp.records import Prediction, Verdict
from streamapp.storage.batches import Batches
from streamapp.web import newest
from streamapp.web.context import ApiContext

T = TypeVar("T")


class Loaders:
    """Images, predictions and verdicts by image id, with what is newer on the topics than in the database.

    Nothing is kept: a subscription lives for hours, and what it asks for again has changed. What is loaded are the
    platform's models, which stand for the types of the schema.
    """

    def __init__(self, api: ApiContext) -> None:
        self._batches, self._live = Batches(api.db), api.live
        self.images: DataLoader[UUID, Any] = _loader(self._batches.images)
        self.predictions: DataLoader[UUID, Any] = _loader(self._predictions)
        self.verdicts: DataLoader[UUID, Any] = _loader(self._verdicts)

    async def _predictions(self, image_ids: Collection[UUID]) -> Mapping[UUID, list[Prediction]]:
        stored = await self._batches.predictions(image_ids)
        return {each: newest.predictions(stored[each], self._live.verdict(each)) for each in image_ids}

    async def _verdicts(self, image_ids: Collection[UUID]) -> Mapping[UUID, Verdict]:
        stored = await self._batches.verdicts(image_ids)
        found = {each: newest.verdict(stored.get(each), self._live.verdict(each)) for each in image_ids}
        return {image_id: verdict for image_id, verdict in found.items() if verdict is not None}


def _loader(read: Callable[[Collection[UUID]], Awaitable[Mapping[UUID, T]]]) -> DataLoader[UUID, Any]:
    async def load(keys: list[UUID]) -> list[T | None]:
        found = await read(dict.fromkeys(keys))
        return [found.get(key) for key in keys]

    return DataLoader(load_fn=load, cache=False)
