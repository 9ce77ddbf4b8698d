"""The API on real stores and a real broker; no models: their answers are put where the recorder would put them."""

import asyncio
import re
import shlex
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from streamapp import topics
from streamapp.brokers import client_options
from streamapp.ingest.accept import object_path, sweep_once
from streamapp.records import ImageMessage, now
from streamapp.settings import Settings
from streamapp.storage.rows import Rows
from tests.support.api import Api, running
from tests.support.stack import Stack
from tests.unit.ingest.pictures import jpeg, png
from tests.unit.web.messages import prediction, verdict


@pytest.fixture
async def api(servers: Stack) -> AsyncIterator[Api]:
    settings = Settings.load(servers.environ).model_copy(update={"inline_max_bytes": 2000, "sweep_after_s": 0.5})
    async with running(settings) as api:
        yield api


async def messages(settings: Settings, image_id: UUID) -> list[Any]:
    """The messages of an image on the input stream."""
    consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False)
    await consumer.start()
    try:
        parts = [TopicPartition(topics.IMAGES, number) for number in range(settings.partitions)]
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        ends = await consumer.end_offsets(parts)
        found = []
        while [part for part in parts if await consumer.position(part) < ends[part]]:
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found += [message for message in batch if message.key == str(image_id).encode()]
        return found
    finally:
        await consumer.stop()


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is a system package")
async def test_the_readmes_request_works_as_printed(api: Api) -> None:
    root = Path(__file__).parents[2]
    [line] = re.findall("^curl .*$", (root / "README.md").read_text(), re.MULTILINE)
    line = line.replace("http://127.0.0.1:8001", api.url)
    process = await asyncio.create_subprocess_exec(
        *shlex.split(line), cwd=root, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    printed, _ = await process.communicate()
    [image] = orjson.loads(printed)["images"]
    await api.becomes(UUID(image["image_id"]), "published")


async def test_an_upload_is_in_every_place_before_it_is_accepted(api: Api) -> None:
    data = png()
    image_id = await api.accepted(data, label="cat", source="cifar10")
    (sent,) = await messages(api.context.settings, image_id)
    message = ImageMessage.decode(sent.value)
    assert message.minio_path == object_path(image_id, message.timestamp, "png")
    assert (message.label, message.source, message.content_type) == ("cat", "cifar10", "image/png")
    assert dict(sent.headers) == {"image": data}
    assert await api.context.objects.get(message.minio_path) == data
    assert await api.context.cache.get(f"image:{image_id}") == data
    await api.becomes(image_id, "published")


async def test_larger_originals_do_not_travel_in_the_message(api: Api) -> None:
    data = jpeg(quality=100, width=400, height=400)
    assert len(data) > api.context.settings.inline_max_bytes
    image_id = await api.accepted(data)
    (sent,) = await messages(api.context.settings, image_id)
    assert not sent.headers


async def test_an_image_is_shown_with_what_the_recorder_stored(api: Api) -> None:
    image_id = await api.accepted(jpeg(320, 200), camera_id="door")
    found = await api.get(f"images/{image_id}")
    assert (found["predictions"], found["verdict"]) == ([], None)
    assert (found["image"]["width"], found["image"]["camera_id"]) == (320, "door")
    answers = [prediction(image_id, model) for model in ("mobilenet", "resnet50")]
    await api.context.db.store(Rows(predictions=answers, verdicts=[verdict(image_id)]))
    found = await api.get(f"images/{image_id}")
    assert found["predictions"] == [answer.model_dump(mode="json") for answer in answers]
    assert (found["verdict"]["consensus"], found["verdict"]["complete"]) == ("cat", True)
    one = await api.get(f"predictions/{answers[0].prediction_id}")
    assert one == answers[0].model_dump(mode="json")
    (listed,) = [entry for entry in (await api.get("images"))["images"] if entry["image"] == found["image"]]
    assert listed == found


async def test_pictures_come_back(api: Api) -> None:
    data = jpeg(800, 400)
    image = (await api.get(f"images/{await api.accepted(data)}"))["image"]
    async with api.client.get(image["original_url"]) as answer:
        assert await answer.read() == data
    async with api.client.get(image["thumbnail_url"]) as answer:
        assert answer.content_type == "image/webp"
        first = await answer.read()
    async with api.client.get(image["thumbnail_url"]) as answer:
        assert await answer.read() == first


async def test_pages_follow_each_other_without_gap_or_repetition(api: Api) -> None:
    ids = [str(await api.accepted(jpeg())) for _ in range(5)]
    seen, query = [], "limit=2"
    while len(seen) < 5:
        page = await api.get(f"images?{query}")
        seen += [entry["image"]["image_id"] for entry in page["images"]]
        query = f"limit=2&before={page['next']}"
    assert seen[:5] == ids[::-1]


async def test_an_unknown_image_is_not_found(api: Api) -> None:
    async with api.client.get(f"/api/v1/images/{uuid4()}") as answer:
        assert (answer.status, answer.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize("hangs", [False, True], ids=["refuses", "hangs"])
@pytest.mark.parametrize("store", ["database", "objects"])
async def test_a_store_that_is_away_is_said_quickly_and_found_again(api: Api, store: str, hangs: bool) -> None:
    await api.accepted(jpeg())
    proxy = api.proxies[store]
    if hangs:
        proxy.freeze()
    else:
        await proxy.cut()
    started = time.monotonic()
    status, body = await api.upload(jpeg())
    assert (status, body["status"]) == (503, 503)
    assert time.monotonic() - started < 6
    if hangs:
        proxy.thaw()
    else:
        await proxy.start()
    await api.accepted(jpeg())


async def test_a_cache_that_is_away_keeps_nobody_out(api: Api) -> None:
    await api.proxies["redis"].cut()
    started = time.monotonic()
    image_id = await api.accepted(jpeg(800, 400))
    async with api.client.get(f"/api/v1/images/{image_id}/thumbnail") as answer:
        assert answer.status == 200
    assert time.monotonic() - started < 2


async def test_what_the_broker_did_not_take_is_published_later_under_the_same_id(api: Api) -> None:
    api.broker.away = True
    status, body = await api.upload(jpeg())
    assert (status, body["type"]) == (503, "urn:streamapp:problem:publish-failed")
    image_id = UUID((await api.get("images?limit=1"))["images"][0]["image"]["image_id"])
    assert await api.state(image_id) == "pending"
    assert await messages(api.context.settings, image_id) == []
    await asyncio.sleep(api.context.settings.sweep_after_s)
    api.broker.away = False
    assert await sweep_once(api.context) >= 1
    assert len(await messages(api.context.settings, image_id)) == 1
    assert await api.state(image_id) == "published"


async def test_rows_of_failed_uploads_are_removed_and_published_ones_never(api: Api) -> None:
    kept = await api.accepted(jpeg())
    await api.becomes(kept, "published")
    failed = ImageMessage(
        image_id=uuid4(),
        minio_path="raw-images/2026/01/01/none.jpg",
        timestamp=now(),
        content_type="image/jpeg",
        sha256="0" * 64,
    )
    await api.context.db.insert_pending(failed, 1, 1, 1)
    await api.context.db.discard_pending([kept, failed.image_id])
    assert (await api.state(kept), await api.state(failed.image_id)) == ("published", None)


async def test_many_uploads_at_once_are_all_there(api: Api) -> None:
    before = {entry["image"]["image_id"] for entry in (await api.get("images?limit=200"))["images"]}
    ids = await asyncio.gather(*[api.accepted(jpeg()) for _ in range(60)])
    assert len(set(ids)) == 60
    after = {entry["image"]["image_id"] for entry in (await api.get("images?limit=200"))["images"]}
    assert {str(image_id) for image_id in ids} <= after - before
    for image_id in ids:
        await api.becomes(image_id, "published")


async def test_a_request_with_a_key_that_met_an_outage_is_the_same_images_when_it_comes_again(api: Api) -> None:
    data, key = jpeg(96, 64), {"Idempotency-Key": str(uuid4())}

    async def send() -> tuple[int, dict[str, Any]]:
        form = aiohttp.FormData()
        form.add_field("file", data, filename="x.jpg")
        async with api.client.post("/api/v1/images", data=form, headers=key) as answer:
            return answer.status, await answer.json()

    api.broker.away = True
    assert (await send())[0] == 503
    waiting = UUID((await api.get("images?limit=1"))["images"][0]["image"]["image_id"])
    api.broker.away = False
    first, again = await send(), await send()
    assert first == again
    assert (first[0], UUID(first[1]["images"][0]["image_id"])) == (202, waiting)
    await api.becomes(waiting, "published")
    assert len(await messages(api.context.settings, waiting)) == 1
    assert UUID((await api.get("images?limit=1"))["images"][0]["image"]["image_id"]) == waiting


async def test_a_known_picture_is_answered_with_its_image_and_without_the_cache_it_is_a_new_one(api: Api) -> None:
    data = jpeg(80, 60, comment=uuid4().hex.encode())
    before = (await api.get("stats"))["dedupe"]

    async def send() -> tuple[int, UUID, bool]:
        form = aiohttp.FormData()
        form.add_field("file", data, filename="x.jpg")
        async with api.client.post("/api/v1/images?dedupe=true", data=form) as answer:
            (image,) = (await answer.json())["images"]
            return answer.status, UUID(image["image_id"]), image["duplicate"]

    status, image_id, duplicate = await send()
    assert (status, duplicate) == (202, False)
    assert await send() == (200, image_id, True)
    after = (await api.get("stats"))["dedupe"]
    assert (after["asked"] - before["asked"], after["hits"] - before["hits"]) == (2, 1)
    await api.proxies["redis"].cut()
    status, other, duplicate = await send()
    assert (status, duplicate) == (202, False)
    assert other != image_id
    await api.proxies["redis"].start()
