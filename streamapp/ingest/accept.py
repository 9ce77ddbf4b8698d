"""Accept an image: check it, store it, publish it. Nothing is accepted that could vanish afterwards."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID, uuid4

from streamapp.errors import ObjectMissing, PublishFailed, StoreUnavailable
from streamapp.ingest.check import CheckedImage, check_image
from streamapp.records import ImageMessage, Source, now
from streamapp.storage.cache import Cache
from streamapp.storage.objects import ObjectStore
from streamapp.storage.postgres import Database
from streamapp.topics import RAW_IMAGES_BUCKET

if TYPE_CHECKING:
    from streamapp.web.context import ApiContext

log = logging.getLogger(__name__)

#: Sends the message, with the original's bytes where they travel inline; returns once the broker has acknowledged it.
Publish = Callable[[ImageMessage, bytes | None], Awaitable[None]]

#: How long the cache keeps an original: the seconds in which the models fetch it.
CACHE_TTL_S = 60.0
#: Longest time that object store and database together may take, and these and the broker, in seconds.
STORE_TIMEOUT_S, ACCEPT_TIMEOUT_S = 4.5, 5.0
#: Images that are decoded at the same time; decoding one takes up to 100 MB.
CHECK_THREADS = 2
#: Images that one round of the sweep publishes at most.
SWEEP_BATCH = 100
#: A row whose original is missing this long belongs to an upload that failed and was answered so: it is removed.
ABANDONED_AFTER = timedelta(seconds=60)


class Identity(NamedTuple):
    """What makes an image this one: an upload that is repeated with it changes nothing."""

    image_id: UUID
    timestamp: datetime


_checks = ThreadPoolExecutor(CHECK_THREADS, thread_name_prefix="check-image")


def cache_key(image_id: UUID) -> str:
    """Where the cache keeps an original."""
    return f"image:{image_id}"


def object_path(image_id: UUID, timestamp: datetime, extension: str) -> str:
    """Where the object store keeps an original, `raw-images/2026/11/22/<uuid>.jpg` (the day in UTC)."""
    return f"{RAW_IMAGES_BUCKET}/{timestamp:%Y/%m/%d}/{image_id}.{extension}"


async def accept(
    data: bytes,
    *,
    db: Database,
    objects: ObjectStore,
    cache: Cache,
    publish: Publish,
    source: Source,
    camera_id: str | None,
    label: str | None,
    inline_max_bytes: int,
    identity: Identity | None = None,
) -> ImageMessage:
    """Check an upload, store its original and its row, publish it, and return its message.

    When it raises after the row was written, the image may still be published later by `sweep`, under the same id.
    A new image has an `identity` of its own unless one is given.

    Raises:
        ImageRejected: the bytes are no image that we take.
        StoreUnavailable: object store or database do not have it.
        PublishFailed: the broker has not acknowledged it.
    """
    checked = await asyncio.get_running_loop().run_in_executor(_checks, check_image, data)
    image = _message(checked, identity or Identity(uuid4(), now()), source=source, camera_id=camera_id, label=label)
    try:
        async with asyncio.timeout(ACCEPT_TIMEOUT_S):
            await _store(image, checked, data, db=db, objects=objects, cache=cache)
            await publish(image, data if len(data) <= inline_max_bytes else None)
    except TimeoutError:
        raise PublishFailed(f"the broker did not acknowledge an image within {ACCEPT_TIMEOUT_S:g} s") from None
    return image


def _message(
    checked: CheckedImage, identity: Identity, *, source: Source, camera_id: str | None, label: str | None
) -> ImageMessage:
    return ImageMessage(
        image_id=identity.image_id,
        minio_path=object_path(*identity, checked.extension),
        timestamp=identity.timestamp,
        source=source,
        camera_id=camera_id,
        content_type=checked.content_type,
        sha256=checked.sha256,
        label=label,
    )


async def _store(
    image: ImageMessage, checked: CheckedImage, data: bytes, *, db: Database, objects: ObjectStore, cache: Cache
) -> None:
    """The row, then original and cached copy; all have ended when it returns or raises.

    The row comes first because the sweep knows rows only: it removes one whose original never came, and would never
    find an original that has none.
    """
    try:
        async with asyncio.timeout(STORE_TIMEOUT_S):
            await db.insert_pending(image, checked.width, checked.height, len(data))
            results = await asyncio.gather(
                objects.put(image.minio_path, data, checked.content_type),
                cache.put(cache_key(image.image_id), data, CACHE_TTL_S),
                return_exceptions=True,
            )
    except TimeoutError:
        raise StoreUnavailable(f"object store and database did not answer within {STORE_TIMEOUT_S:g} s") from None
    for result in results:
        if result is not None:
            raise result


async def sweep(context: "ApiContext") -> None:
    """Publish again what was accepted and not marked as published, until cancelled; waits out stores that are away."""
    while True:
        try:
            await sweep_once(context)
        except (StoreUnavailable, PublishFailed) as error:
            log.warning("images that are not published yet wait: %s", error)
        await asyncio.sleep(context.settings.sweep_after_s / 3)


async def sweep_once(context: "ApiContext") -> int:
    """Publish images that have waited longer than `sweep_after_s`, oldest first; returns how many.

    Raises:
        StoreUnavailable: database or object store do not answer.
        PublishFailed: the broker does not.
    """
    waiting = await context.db.pending_older_than(context.settings.sweep_after_s, SWEEP_BATCH)
    sent = [image for image in waiting if await _settle(image, context)]
    await context.marks.flush()
    if sent:
        log.info("%d images that waited to be published were published", len(sent))
    return len(sent)


async def _settle(image: ImageMessage, context: "ApiContext") -> bool:
    """Publish one image that waits, or remove the row of an upload whose original never arrived."""
    try:
        data = await context.objects.get(image.minio_path)
    except ObjectMissing:
        if now() - image.timestamp > ABANDONED_AFTER:
            await context.db.discard_pending([image.image_id])
            log.warning("%s was removed: its upload had failed before the original was stored", image.image_id)
        return False
    await context.publish(image, data if len(data) <= context.settings.inline_max_bytes else None)
    context.marks.add(image.image_id)
    return True
