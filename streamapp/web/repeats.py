"""The same request again (`Idempotency-Key`), and the same picture again (`?dedupe=true`): the stored answer is given.

What was answered is kept in the cache. Without it, or after its time, a repetition is an upload like any other.
"""

import asyncio
import hashlib
from typing import Any
from uuid import UUID, uuid4, uuid5

from aiohttp import web
from pydantic import AwareDatetime, BaseModel

from streamapp.ingest.accept import Identity
from streamapp.records import ImageMessage, now
from streamapp.storage.cache import Cache
from streamapp.web.forms import Form

KEY = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
#: How long a request's answer is kept, and a picture's, in seconds.
KEEP_REQUEST_S, KEEP_PICTURE_S = 24 * 3600.0, 3600.0

_ASKED, _HITS = "dedupe:asked", "dedupe:hits"


class Request(BaseModel):
    """What is kept of a request with a key: which one it was, its images' identities, and its answer once it has one.

    The images of a request that failed keep their identities when it is repeated: none of them is there twice.
    """

    fingerprint: str
    seed: UUID
    timestamp: AwareDatetime
    status: int = 0
    content_type: str = ""
    body: str = ""

    def identity(self, number: int) -> Identity:
        """Of the file with this number."""
        return Identity(uuid5(self.seed, str(number)), self.timestamp)

    def answer(self) -> web.Response | None:
        """The answer that was given, if there is one."""
        if not self.status:
            return None
        return web.Response(text=self.body, status=self.status, content_type=self.content_type, headers=_AGAIN)


_AGAIN = {REPLAYED: "true", "Cache-Control": "no-store"}


class Repeats:
    """Requests and pictures that are known."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def begin(self, key: str, form: Form) -> Request:
        """The request with this key: this one, or the earlier one with the same content.

        Raises:
            HTTPUnprocessableEntity: another request had this key.
        """
        fingerprint = await asyncio.to_thread(_fingerprint, form)
        new = Request(fingerprint=fingerprint, seed=uuid4(), timestamp=now())
        known = await self._cache.add(_place(key), new.model_dump_json().encode(), KEEP_REQUEST_S)
        request = Request.model_validate_json(known) if known is not None else new
        if request.fingerprint != fingerprint:
            raise web.HTTPUnprocessableEntity(text=f"this {KEY} was sent with another upload before; take a new one")
        return request

    async def finish(self, key: str, request: Request, answer: web.Response) -> None:
        """Keep the answer of a request that has one for good."""
        said = {"status": answer.status, "content_type": answer.content_type, "body": answer.text}
        done = request.model_copy(update=said).model_dump_json()
        await self._cache.put(_place(key), done.encode(), KEEP_REQUEST_S)

    async def picture(self, data: bytes, label: str | None) -> UUID | None:
        """The image that was made of these bytes with this label in the last hour."""
        sha256 = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
        await self._cache.increment(_ASKED)
        known = await self._cache.get(_picture(sha256, label))
        if known is None:
            return None
        await self._cache.increment(_HITS)
        return UUID(known.decode())

    async def remember(self, image: ImageMessage) -> None:
        """This picture is known from now on."""
        place = _picture(image.sha256, image.label)
        await self._cache.put(place, str(image.image_id).encode(), KEEP_PICTURE_S)

    async def figures(self) -> dict[str, Any]:
        """How often a known picture was asked for and found since the beginning; the rate is null before the first."""
        asked, hits = [int(await self._cache.get(place) or 0) for place in (_ASKED, _HITS)]
        return {"asked": asked, "hits": hits, "hit_rate": hits / asked if asked else None}


def _place(key: str) -> str:
    return f"request:{hashlib.sha256(key.encode()).hexdigest()}"


def _picture(sha256: str, label: str | None) -> str:
    return f"picture:{sha256}:{label or ''}"


def _fingerprint(form: Form) -> str:
    """Of everything that an upload says."""
    whole = hashlib.sha256(repr((form.source, form.label, form.camera_id)).encode())
    for file in form.files:
        content = b"too large" if file.data is None else hashlib.sha256(file.data).digest()
        whole.update(repr((file.filename, content)).encode())
    return whole.hexdigest()
