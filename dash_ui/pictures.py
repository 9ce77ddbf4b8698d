"""Thumbnails on their way from the API to many browsers: fetched once, kept for a while."""

import asyncio
from collections import OrderedDict

from dash_ui.client import Api

KEPT_BYTES = 8 << 20

Picture = tuple[bytes, str]


class Pictures:
    """A small cache of pictures in front of the API; several requests for one picture cost one."""

    def __init__(self, api: Api, kept_bytes: int = KEPT_BYTES) -> None:
        self._api = api
        self._room = kept_bytes
        self._kept: OrderedDict[str, Picture] = OrderedDict()
        self._coming: dict[str, asyncio.Task[Picture]] = {}

    async def thumbnail(self, image_id: str) -> Picture:
        """The thumbnail of an image: bytes and content type.

        Raises:
            ApiDown, ApiProblem: it cannot be had.
        """
        kept = self._kept.get(image_id)
        if kept is not None:
            self._kept.move_to_end(image_id)
            return kept
        task = self._coming.get(image_id)
        if task is None:
            task = self._coming[image_id] = asyncio.create_task(self._fetch(image_id))
        # Shielded: a browser that goes away must not take the picture from the others.
        return await asyncio.shield(task)

    async def _fetch(self, image_id: str) -> Picture:
        try:
            picture = await self._api.picture(image_id, "thumbnail")
            self._keep(image_id, picture)
            return picture
        finally:
            del self._coming[image_id]

    def _keep(self, image_id: str, picture: Picture) -> None:
        self._kept[image_id] = picture
        self._room -= len(picture[0])
        while self._room < 0 and self._kept:
            _, (data, _) = self._kept.popitem(last=False)
            self._room += len(data)
