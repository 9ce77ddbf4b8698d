"""Reading: images merged from topics and database, pages, thumbnails, originals, predictions, figures, models."""

from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp.test_utils import TestClient
from PIL import Image

from streamapp.errors import StoreUnavailable
from streamapp.ingest.accept import cache_key
from streamapp.records import now
from streamapp.web import thumbnails
from streamapp.web.context import ApiContext
from tests.unit.ingest import pictures
from tests.unit.web.doubles import make_context, running_api
from tests.unit.web.messages import prediction, state, verdict
from tests.unit.web.test_uploads import form, problem, upload


async def uploaded(client: TestClient, data: bytes | None = None, **fields: str) -> str:
    answer = await upload(client, form(data or pictures.jpeg(), **fields))
    return str((await answer.json())["images"][0]["image_id"])


def row(context: ApiContext, image_id: str) -> Any:
    return next(image for image in context.db.images.values() if str(image.image_id) == image_id)


async def get(client: TestClient, path: str) -> Any:
    answer = await client.get(f"/api/v1/{path}")
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_an_image_just_accepted_has_no_answers_yet() -> None:
    async with running_api(make_context()) as client:
        image_id = await uploaded(client, pictures.png(200, 100), label="cat")
        found = await get(client, f"images/{image_id}")
    image = found["image"]
    assert (found["predictions"], found["verdict"]) == ([], None)
    assert set(image) == {
        *("image_id", "timestamp", "source", "camera_id", "label", "content_type", "width", "height", "size_bytes"),
        *("sha256", "thumbnail_url", "original_url"),
    }
    assert (image["width"], image["height"], image["content_type"]) == (200, 100, "image/png")
    assert image["timestamp"].endswith("Z")
    assert image["thumbnail_url"] == f"/api/v1/images/{image_id}/thumbnail"


async def test_the_live_verdict_is_shown_before_the_recorder_has_it() -> None:
    context = make_context()
    async with running_api(context) as client:
        image_id = row(context, await uploaded(client)).image_id
        context.db.predictions[image_id] = [prediction(image_id)]
        context.live.apply_verdict(verdict(image_id))
        found = await get(client, f"images/{image_id}")
    assert [one["model"] for one in found["predictions"]] == ["mobilenet", "resnet50"]
    assert (found["verdict"]["consensus"], found["verdict"]["predictions"]) == ("cat", [])
    assert found["predictions"][0]["top_k"] == [["cat", 0.75], ["dog", 0.25]]


async def test_what_the_database_knows_better_wins() -> None:
    context = make_context()
    async with running_api(context) as client:
        image_id = row(context, await uploaded(client)).image_id
        context.live.apply_verdict(verdict(image_id, ("mobilenet",), complete=False))
        context.db.predictions[image_id] = [prediction(image_id), prediction(image_id, "resnet50")]
        context.db.verdicts[image_id] = verdict(image_id, predictions=[])
        found = await get(client, f"images/{image_id}")
    assert len(found["predictions"]) == 2
    assert found["verdict"]["complete"] is True


@pytest.mark.parametrize("noun", ["images/{}", "images/{}/thumbnail", "images/{}/original", "predictions/{}"])
@pytest.mark.parametrize("name", [str(uuid4()), "cat", "' OR 1=1 --", "%00", "x" * 500])
async def test_what_is_unknown_is_not_found(noun: str, name: str) -> None:
    async with running_api(make_context()) as client:
        assert await problem(await client.get("/api/v1/" + noun.format(name))) == (404, "not-found")


async def test_pages_go_through_every_image_once_newest_first() -> None:
    context = make_context()
    async with running_api(context) as client:
        ids = [await uploaded(client) for _ in range(5)]
        for age, image_id in enumerate(reversed(ids)):
            image = row(context, image_id)
            context.db.images[image.image_id] = image.model_copy(update={"timestamp": now() - timedelta(seconds=age)})
        seen, before, pages = [], "", 0
        while True:
            page = await get(client, f"images?limit=2&{before}")
            seen += [entry["image"]["image_id"] for entry in page["images"]]
            pages += 1
            if page["next"] is None:
                break
            before = f"before={page['next']}"
    assert seen == ids[::-1]
    assert pages == 3
    assert set(page["images"][0]) == {"image", "predictions", "verdict"}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=" + "9" * 5000, "limit=²", "before=x", "before=%ff"]
)
async def test_a_wrong_page_is_a_bad_request(query: str) -> None:
    async with running_api(make_context()) as client:
        assert (await problem(await client.get(f"/api/v1/images?{query}")))[0] == 400


async def test_a_prediction_is_found_live_and_in_the_database() -> None:
    context, image_id = make_context(), uuid4()
    live, stored = verdict(image_id), prediction(uuid4())
    context.live.apply_verdict(live)
    context.db.predictions[stored.image_id] = [stored]
    async with running_api(context) as client:
        for one in (*live.predictions, stored):
            assert await get(client, f"predictions/{one.prediction_id}") == one.model_dump(mode="json")


async def test_the_original_is_for_saving_and_comes_back_as_it_was() -> None:
    data = pictures.webp()
    async with running_api(make_context()) as client:
        image_id = await uploaded(client, data)
        answer = await client.get(f"/api/v1/images/{image_id}/original")
        assert await answer.read() == data
        assert answer.content_type == "image/webp"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{image_id}.webp"'
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        sha256 = (await get(client, f"images/{image_id}"))["image"]["sha256"]
        assert answer.headers["ETag"] == f'"{sha256}"'
        again = await client.get(answer.url.path, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status, await again.read()) == (304, b"")


async def thumbnail(client: TestClient, image_id: str) -> Image.Image:
    answer = await client.get(f"/api/v1/images/{image_id}/thumbnail")
    assert (answer.status, answer.content_type) == (200, "image/webp")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    image = Image.open(BytesIO(await answer.read()))
    assert image.format == "WEBP"
    return image


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (pictures.jpeg(1600, 800), (320, 160)),
        (pictures.jpeg(30, 20), (30, 20)),
        (pictures.png(200, 640), (100, 320)),
        (pictures.oriented_jpeg(6, 1600, 800), (160, 320)),
        (pictures.jpeg(4000, 3), (320, 1)),
    ],
)
async def test_thumbnails_are_small_and_upright(data: bytes, size: tuple[int, int]) -> None:
    async with running_api(make_context()) as client:
        assert (await thumbnail(client, await uploaded(client, data))).size == size


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16", "CMYK"])
async def test_thumbnails_show_the_picture_whatever_its_mode(mode: str) -> None:
    image = pictures.picture(64, 64, "L")
    data = pictures.encoded(
        image.convert("I").point(lambda value: value * 257).convert("I;16") if mode == "I;16" else image.convert(mode),
        "JPEG" if mode == "CMYK" else "PNG",
    )
    async with running_api(make_context()) as client:
        shown = (await thumbnail(client, await uploaded(client, data))).convert("L").resize((8, 8))
    differences = [abs(a - b) for a, b in zip(shown.tobytes(), image.resize((8, 8)).tobytes(), strict=True)]
    assert max(differences) < (70 if mode in ("1", "P") else 20)


async def test_a_thumbnail_is_made_once_and_then_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    context, made = make_context(), []
    make = thumbnails.make
    monkeypatch.setattr(thumbnails, "make", lambda data: made.append(1) or make(data))
    async with running_api(context) as client:
        image_id = await uploaded(client)
        await thumbnail(client, image_id)
        context.db.fails = StoreUnavailable("not asked")
        context.objects.buckets["raw-images"].clear()
        await thumbnail(client, image_id)
        answer = await client.get(
            f"/api/v1/images/{image_id}/thumbnail", headers={"If-None-Match": f'"{image_id}-{thumbnails.SIDE}"'}
        )
        assert answer.status == 304
    assert made == [1]


async def test_thumbnails_need_no_cache() -> None:
    context = make_context()
    async with running_api(context) as client:
        image_id = await uploaded(client)
        await context.cache.put(cache_key(row(context, image_id).image_id), b"", 0)
        context.cache._values.clear()
        await thumbnail(client, image_id)


async def test_an_original_that_is_gone_is_not_found() -> None:
    context = make_context()
    async with running_api(context) as client:
        image_id = await uploaded(client)
        context.objects.buckets["raw-images"].clear()
        assert await problem(await client.get(f"/api/v1/images/{image_id}/original")) == (404, "object-missing")


async def test_a_database_that_is_away_is_said_so() -> None:
    context = make_context()
    context.db.fails = StoreUnavailable("PostgreSQL does not answer", "postgres")
    async with running_api(context) as client:
        answer = await client.get("/api/v1/images")
        assert await problem(answer) == (503, "store-unavailable")
        assert "Retry-After" in answer.headers
    assert context.metrics.registry.get_sample_value("streamapp_store_failures_total", {"store": "postgres"}) == 1


async def test_figures_of_a_window() -> None:
    context = make_context()
    context.live.roster.put(state(trained=False))
    async with running_api(context) as client:
        for window in ("1m", "5m", "15m"):
            figures = await get(client, f"stats?window={window}")
            assert figures["window"] == window
            (model,) = figures["models"]
            assert model["model_name"] == "mobilenet"
            assert (model["accuracy"], model["trained"]) == (None, False)
            assert set(model["stages"]) == {"queue", "fetch", "preprocess", "lane", "inference", "total"}
        assert (await get(client, "stats"))["window"] == "1m"
        assert (await problem(await client.get("/api/v1/stats?window=2m")))[0] == 400


async def test_models_say_what_they_serve() -> None:
    context, moment = make_context(), now()
    context.live.roster.put(state(timestamp=moment, started_at=moment - timedelta(seconds=90)))
    async with running_api(context) as client:
        (model,) = (await get(client, "models"))["models"]
    assert (model["model"], model["runtime"], model["trained"], model["uptime_s"]) == (
        "mobilenet",
        "openvino",
        True,
        90,
    )


async def test_what_changes_is_not_cached_and_what_does_not_is() -> None:
    async with running_api(make_context()) as client:
        image_id = await uploaded(client)
        for path, cached in ((f"images/{image_id}", False), ("stats", False), (f"images/{image_id}/original", True)):
            answer: aiohttp.ClientResponse = await client.get(f"/api/v1/{path}")
            assert ("immutable" in answer.headers["Cache-Control"]) is cached
            assert ("no-store" in answer.headers["Cache-Control"]) is not cached


async def test_a_part_of_a_thumbnail() -> None:
    async with running_api(make_context()) as client:
        path = f"/api/v1/images/{await uploaded(client, pictures.jpeg(400, 300))}/thumbnail"
        whole = await (await client.get(path)).read()
        answer = await client.get(path, headers={"Range": "bytes=10-19"})
        assert (answer.status, await answer.read()) == (206, whole[10:20])
        assert answer.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
        assert answer.headers["Content-Type"] == "image/webp"
        assert "Content-Disposition" not in answer.headers
        assert (await client.get(path, headers={"Range": f"bytes={len(whole)}-"})).status == 416
