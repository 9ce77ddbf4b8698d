"""Images on their way from the API to many browsers: fetched once, kept for a while."""

import asyncio
from collections import OrderedDict

from dash_ui.client import Api

KEPT_BYTES = 32 << 20

Picture = tuple[bytes, str]
#: Which image, and in which size.
Key = tuple[str, str]


class Pictures:
    """A small cache of pictures in front of the API; several requests for one picture cost one."""

    def __init__(self, api: Api, kept_bytes: int = KEPT_BYTES) -> None:
        self._api = api
        self._room = kept_bytes
        self._kept: OrderedDict[Key, Picture] = OrderedDict()
        self._coming: dict[Key, asyncio.Task[Picture]] = {}

    async def get(self, image_id: str, size: str = "thumbnail") -> Picture:
        """An image's bytes and content type; `size` is `thumbnail` or `original`.

        Raises:
            ApiDown, ApiProblem: it cannot be had.
        """
        key = image_id, size
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        task = self._coming.get(key)
        if task is None:
            task = self._coming[key] = asyncio.create_task(self._fetch(key))
        # Shielded: a browser that goes away must not take the picture from the others.
        return await asyncio.shield(task)

    async def _fetch(self, key: Key) -> Picture:
        try:
            picture = await self._api.picture(*key)
            self._keep(key, picture)
            return picture
        finally:
            del self._coming[key]

    def _keep(self, key: Key, picture: Picture) -> None:
        self._kept[key] = picture
        self._room -= len(picture[0])
        while self._room < 0 and self._kept:
            _, (data, _) = self._kept.popitem(last=False)
            self._room += len(data)
