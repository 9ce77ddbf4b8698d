"""Nothing is accepted that could vanish, and nothing that was stored is left unpublished."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from streamapp.errors import PublishFailed, StoreUnavailable, UnsupportedFormat
from streamapp.ingest import accept as module
from streamapp.ingest import marks
from streamapp.ingest.accept import accept, cache_key, object_path, sweep, sweep_once
from streamapp.records import ImageMessage, now
from streamapp.web.context import ApiContext
from tests.unit.ingest.pictures import jpeg, png
from tests.unit.web.doubles import make_context, until


async def take(context: ApiContext, data: bytes, **options: Any) -> ImageMessage:
    defaults: dict[str, Any] = {"source": "upload", "camera_id": None, "label": None, "inline_max_bytes": 0}
    return await accept(
        data,
        db=context.db,
        objects=context.objects,
        cache=context.cache,
        publish=context.publish,
        **{**defaults, **options},
    )


def broker(context: ApiContext) -> Any:
    return context.publish.__self__


def test_the_path_has_the_day_in_utc() -> None:
    image_id = UUID(int=1)
    assert (
        object_path(image_id, datetime(2026, 11, 2, 23, tzinfo=UTC), "jpg") == f"raw-images/2026/11/02/{image_id}.jpg"
    )


async def test_an_accepted_image_is_stored_pending_cached_and_published() -> None:
    context, data = make_context(), png()
    image = await take(context, data, source="cifar10", label="cat", camera_id="door")
    assert image.minio_path == object_path(image.image_id, image.timestamp, "png")
    assert await context.objects.get(image.minio_path) == data
    assert await context.cache.get(cache_key(image.image_id)) == data
    row = context.db.images[image.image_id]
    assert (row.state, row.width, row.height, row.size_bytes) == ("pending", 64, 48, len(data))
    assert (row.label, row.camera_id, row.source) == ("cat", "door", "cifar10")
    assert broker(context).published == [(image, None)]


async def test_small_originals_travel_in_the_message() -> None:
    context, data = make_context(), jpeg()
    await take(context, data, inline_max_bytes=len(data))
    await take(context, data, inline_max_bytes=len(data) - 1)
    assert [inline for _, inline in broker(context).published] == [data, None]


async def test_what_is_no_image_leaves_no_trace() -> None:
    context = make_context()
    with pytest.raises(UnsupportedFormat):
        await take(context, b"GIF89a")
    assert not context.db.images and not context.objects.buckets["raw-images"] and not broker(context).published


@pytest.mark.parametrize("store", ["db", "objects"])
async def test_without_a_store_nothing_is_published(store: str) -> None:
    context = make_context()
    getattr(context, store).fails = StoreUnavailable("away")
    with pytest.raises(StoreUnavailable):
        await take(context, jpeg())
    assert not broker(context).published
    assert not context.objects.buckets["raw-images"], "an original without a row would lie there for ever"


async def test_a_store_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    context = make_context()
    monkeypatch.setattr(module, "STORE_TIMEOUT_S", 0.05)
    monkeypatch.setattr(context.objects, "put", lambda *_: asyncio.sleep(60))
    with pytest.raises(StoreUnavailable, match=r"within 0\.05 s"):
        await take(context, jpeg())


async def test_without_the_broker_the_image_waits_for_the_sweep() -> None:
    context, data = make_context(sweep_after_s=0.01, inline_max_bytes=10_000), jpeg()
    broker(context).fails = PublishFailed("away")
    with pytest.raises(PublishFailed):
        await take(context, data)
    await asyncio.sleep(0.02)
    with pytest.raises(PublishFailed):
        await sweep_once(context)
    broker(context).fails = None
    (waiting,) = context.db.images.values()
    assert await sweep_once(context) == 1
    assert [(image.image_id, inline) for image, inline in broker(context).published] == [(waiting.image_id, data)]
    assert context.db.images[waiting.image_id].state == "published"
    assert await sweep_once(context) == 0


async def test_the_sweep_leaves_young_images_to_their_upload() -> None:
    context = make_context(sweep_after_s=60)
    await take(context, jpeg())
    assert await sweep_once(context) == 0


async def test_the_sweep_removes_uploads_that_failed_and_waits_a_minute_first(monkeypatch: pytest.MonkeyPatch) -> None:
    context = make_context(sweep_after_s=0.01)
    context.objects.fails = StoreUnavailable("away")
    with pytest.raises(StoreUnavailable):
        await take(context, jpeg())
    await asyncio.sleep(0.02)
    assert await sweep_once(context) == 0
    assert len(context.db.images) == 1
    monkeypatch.setattr(module, "now", lambda: now() + timedelta(seconds=61))
    assert await sweep_once(context) == 0
    assert not context.db.images and not broker(context).published


async def test_the_sweep_goes_on_after_the_database_was_away() -> None:
    context = make_context(sweep_after_s=0.01)
    await take(context, jpeg())
    broker(context).published.clear()
    context.db.fails = StoreUnavailable("away")
    task = asyncio.create_task(sweep(context))
    await asyncio.sleep(0.05)
    context.db.fails = None
    await until(lambda: broker(context).published)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_marks_are_written_together_and_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "MARK_AFTER_S", 0.02)
    context = make_context()
    images = [await take(context, jpeg()) for _ in range(5)]
    for image in images:
        context.marks.add(image.image_id)
    await asyncio.sleep(0.06)
    assert {row.state for row in context.db.images.values()} == {"published"}
    assert context.db.mark_calls == 1
    context.marks.add(images[0].image_id)
    await asyncio.sleep(0.06)
    assert context.db.mark_calls == 2


async def test_a_mark_that_is_lost_is_no_error() -> None:
    context = make_context(sweep_after_s=0.01)
    image = await take(context, jpeg())
    context.db.fails = StoreUnavailable("away")
    context.marks.add(image.image_id)
    await context.marks.flush()
    context.db.fails = None
    await asyncio.sleep(0.02)
    assert await sweep_once(context) == 1
