"""Lists with filters and pages, originals in parts: what is stored, as the API gives it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from streamapp.records import now
from streamapp.settings import Settings
from streamapp.storage.rows import Rows
from tests.contract.examples import image, label, placed, prediction, verdict
from tests.support.api import Api, running
from tests.support.stack import Stack
from tests.unit.ingest import pictures

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: In the future, and apart from what other files store there: the stack is everybody's.
BASE = now() + timedelta(days=400)
NAMES = ("a", "b", "c", "d", "e", "f")


def moment(hours: float) -> str:
    return (BASE + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(servers: Stack) -> AsyncIterator[Api]:
    async with running(Settings.load(servers.environ)) as api:
        await store(api)
        yield api


async def store(api: Api) -> None:
    """Six images, an hour from one to the next; `names` finds them again."""
    camera = {"b": f"cam-{uuid4().hex[:6]}", "d": "cam-other"}
    images = {
        name: image(
            uuid4(),
            timestamp=BASE + timedelta(hours=hour),
            source="webcam" if name in camera else "upload",
            camera_id=camera.get(name),
            label="cat" if name in "ace" else None,
        )
        for hour, name in enumerate(NAMES)
    }
    api.names = {str(one.image_id): name for name, one in images.items()}  # type: ignore[attr-defined]
    api.camera = camera["b"]  # type: ignore[attr-defined]
    verdicts = [
        verdict(
            one.image_id,
            3,
            complete=name != "f",
            timestamp=one.timestamp,
            consensus="dog" if name in "ab" else "cat",
            disagreement=0.9 if name in "bc" else 0.1,
            source=one.source,
            camera_id=one.camera_id,
        )
        for name, one in images.items()
    ]
    predictions = [
        prediction(
            one.image_id,
            model,
            timestamp=one.timestamp,
            prediction="dog" if name == "a" else "cat",
            confidence=0.9 if name in "ab" else 0.4,
        )
        for name, one in images.items()
        for model in ("resnet50", "mobilenet")
    ]
    labels = [label(images["c"].image_id, "frog"), label(images["d"].image_id, "cat")]
    placed_images = [placed(one) for one in images.values()]
    await api.context.db.store(Rows(images=placed_images, verdicts=verdicts, predictions=predictions, labels=labels))


async def names(api: Any, noun: str, query: str) -> str:
    """The names of the images in an answer, newest first."""
    until = "" if "until=" in query else f"&until={moment(len(NAMES))}"
    found = (await api.get(f"{noun}?since={moment(-1)}{until}&{query}"))[noun]
    return "".join(api.names[(each["image"] if noun == "images" else each)["image_id"]] for each in found)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=200", "fedcba"),
        (f"until={moment(3)}", "cba"),
        (f"until={moment(5)}&limit=2", "ed"),
        ("source=webcam", "db"),
        ("camera=cam-other", "d"),
        ("label=cat", "eda"),
        ("label=frog", "c"),
        ("consensus=dog", "ba"),
        ("disagreement=0.5", "cb"),
        ("disagreement=0.5&consensus=dog", "b"),
        ("disagreement=1", ""),
        ("source=upload&label=cat&consensus=cat&disagreement=0", "e"),
        ("labelled=true", "edca"),
        ("labelled=false", "fb"),
        ("labelled=false&source=webcam", "b"),
        ("labelled=false&label=cat", ""),
        ("q=CAM-OTHER", "d"),
        ("q=cam-", "db"),
        ("q=cam-_ther", ""),
        ("q=cam-%25", ""),
        ("q=%25", ""),
        ("q=%5C", ""),
        ("q=Web", "db"),
        ("q=dog", "ba"),
        ("q=fro", "c"),
        ("q=cat", "fedca"),
        ("q=c", "fedcba"),
        ("q=ca&labelled=false", "fb"),
        ("q=ca&limit=3", "fed"),
        ("q=ca&camera=cam-other", "d"),
        ("q=at", ""),
        ("q=nothing-like-it", ""),
    ],
)
async def test_images_that_fit(api: Api, query: str, expected: str) -> None:
    assert await names(api, "images", query) == expected


async def test_an_image_is_found_by_the_beginning_of_its_id(api: Api) -> None:
    for image_id, name in api.names.items():  # type: ignore[attr-defined]
        for text in (image_id, image_id.upper(), image_id.replace("-", ""), image_id[:24], image_id[:13]):
            assert await names(api, "images", f"q={text}") == name
        assert await names(api, "images", f"q={image_id[:13]}-x") == ""
        assert await names(api, "images", f"q={image_id[1:]}") == ""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=200", "fedcba"),
        ("complete=false", "f"),
        ("consensus=dog", "ba"),
        ("disagreement=0.9", "cb"),
        ("source=webcam&camera=cam-other", "d"),
    ],
)
async def test_verdicts_that_fit(api: Api, query: str, expected: str) -> None:
    assert await names(api, "verdicts", query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("model=resnet50", "fedcba"),
        ("model=resnet50&confidence=0.5", "ba"),
        ("model=mobilenet&prediction=dog", "a"),
        ("run=some-replay", ""),
        ("limit=3", "ffe"),
    ],
)
async def test_predictions_that_fit(api: Api, query: str, expected: str) -> None:
    assert await names(api, "predictions", query) == expected


@pytest.mark.parametrize(
    ("noun", "query"),
    [
        ("images", "label=cat"),
        ("images", "q=c"),
        ("images", "labelled=true"),
        ("verdicts", "source=upload"),
        ("predictions", ""),
    ],
)
async def test_pages_of_what_fits_hold_everything_once(api: Api, noun: str, query: str) -> None:
    url = f"{noun}?since={moment(-1)}&until={moment(len(NAMES))}&{query}"
    whole = (await api.get(f"{url}&limit=200"))[noun]
    seen, before = [], ""
    while True:
        page = await api.get(f"{url}&limit=2{before}")
        seen += page[noun]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert seen == whole
    assert len(whole) >= 3


@pytest.mark.parametrize(
    "query",
    [
        "disagreement=1.5",
        "disagreement=nan",
        "source=disk",
        "since=now",
        "until=9999-12-31T23:59:59-23:00",
        "label=%00",
        "camera=" + "x" * 201,
        "labelled=perhaps",
        "q=",
        "q=" + "x" * 201,
        "x=1",
    ],
)
async def test_a_wrong_filter_is_named(api: Api, query: str) -> None:
    async with api.client.get(f"/api/v1/images?{query}") as answer:
        problem = await answer.json()
    assert (answer.status, problem["errors"][0]["name"]) == (400, query.partition("=")[0])


# -- originals -------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def original(api: Api) -> tuple[str, bytes]:
    data = pictures.jpeg(900, 700)
    return f"/api/v1/images/{await api.accepted(data)}/original", data


async def test_an_original_comes_whole_and_is_for_saving(api: Api, original: tuple[str, bytes]) -> None:
    path, data = original
    async with api.client.get(path) as answer:
        assert (answer.status, await answer.read()) == (200, data)
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert (answer.headers["Accept-Ranges"], answer.content_length) == ("bytes", len(data))
        etag = answer.headers["ETag"]
    async with api.client.head(path) as answer:
        assert (answer.status, answer.content_length, answer.headers["ETag"]) == (200, len(data), etag)
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        async with api.client.get(path, headers={"If-None-Match": known}) as answer:
            assert (answer.status, await answer.read(), answer.headers["ETag"]) == (304, b"", etag)
    async with api.client.get(path, headers={"If-None-Match": '"other"'}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("0-0", 0, 0), ("100-199", 100, 199), ("5-", 5, -1), ("-7", -7, -1), ("0-99999999", 0, -1)],
)
async def test_a_part_of_an_original(api: Api, original: tuple[str, bytes], asked: str, first: int, last: int) -> None:
    path, data = original
    first, last = first % len(data), last % len(data)
    async with api.client.get(path, headers={"Range": f"bytes={asked}"}) as answer:
        assert await answer.read() == data[first : last + 1]
        whole = (first, last) == (0, len(data) - 1)
        assert answer.status == (200 if whole else 206)
        assert whole or answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(data)}"


async def test_a_part_that_is_not_there(api: Api, original: tuple[str, bytes]) -> None:
    path, data = original
    async with api.client.get(path, headers={"Range": f"bytes={len(data)}-"}) as answer:
        assert (answer.status, answer.content_type) == (416, "application/problem+json")
        assert answer.headers["Content-Range"] == f"bytes */{len(data)}"


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=9-1"},
        {"Range": "lines=1-2"},
        {"Range": "bytes=0-1,4-5"},
        {"Range": "bytes=0-1", "If-Range": '"another"'},
    ],
)
async def test_what_is_no_part_is_the_whole(api: Api, original: tuple[str, bytes], headers: dict[str, str]) -> None:
    path, data = original
    async with api.client.get(path, headers=headers) as answer:
        assert (answer.status, await answer.read()) == (200, data)
