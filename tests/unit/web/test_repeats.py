"""The same request or the same picture again: answered, and not there twice."""

import asyncio
from typing import Any

import pytest

from streamapp.errors import PublishFailed, StoreUnavailable
from streamapp.web.context import ApiContext
from streamapp.web.intake import AT_ONCE
from tests.unit.ingest import pictures
from tests.unit.web.doubles import make_context, running_api
from tests.unit.web.test_uploads import JPEG, URL, form, problem, upload

KEY = {"Idempotency-Key": "order-7"}


def broker(context: ApiContext) -> Any:
    return context.publish.__self__


async def test_a_request_with_a_key_is_done_once_and_answered_again() -> None:
    context = make_context()
    async with running_api(context) as client:
        first = await upload(client, form(JPEG, b"GIF89a"), headers=KEY)
        again = await upload(client, form(JPEG, b"GIF89a"), headers=KEY)
        assert (first.status, again.status) == (202, 202)
        assert await first.read() == await again.read()
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
    assert len(context.db.images) == len(broker(context).published) == 1


async def test_a_refusal_is_answered_again_too() -> None:
    async with running_api(make_context()) as client:
        answers = [await upload(client, form(b"GIF89a"), headers=KEY) for _ in range(2)]
        assert [await problem(answer) for answer in answers] == [(415, "unsupported-format")] * 2
        assert answers[1].headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("away", ["db", "objects", "broker"])
async def test_a_request_repeated_after_an_outage_makes_the_same_images(away: str) -> None:
    context = make_context()
    broken: Any = broker(context) if away == "broker" else getattr(context, away)
    async with running_api(context) as client:
        broken.fails = PublishFailed("away") if away == "broker" else StoreUnavailable("away")
        assert (await upload(client, form(JPEG, pictures.png()), headers=KEY)).status == 503
        broken.fails = None
        answer = await upload(client, form(JPEG, pictures.png()), headers=KEY)
        assert answer.status == 202
        named = {image["image_id"] for image in (await answer.json())["images"]}
    assert {str(image_id) for image_id in context.db.images} == named
    assert len(named) == len(context.objects.content_types) == 2


async def test_the_same_request_twice_at_once_makes_one_image() -> None:
    context = make_context()
    async with running_api(context) as client:
        answers = await asyncio.gather(*[upload(client, form(JPEG), headers=KEY) for _ in range(5)])
        ids = {(await answer.json())["images"][0]["image_id"] for answer in answers}
    assert len(ids) == len(context.db.images) == 1


@pytest.mark.parametrize(
    "other", [form(pictures.png()), form(JPEG, label="dog"), form(JPEG, JPEG), form(("other.jpg", JPEG))]
)
async def test_a_key_belongs_to_one_upload(other: Any) -> None:
    context = make_context()
    async with running_api(context) as client:
        assert (await upload(client, form(JPEG), headers=KEY)).status == 202
        assert (await problem(await upload(client, other, headers=KEY)))[0] == 422
    assert len(context.db.images) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "caf\xe9"])
async def test_a_key_is_a_short_visible_text(key: str) -> None:
    context = make_context()
    async with running_api(context) as client:
        answer = await upload(client, form(JPEG), headers={"Idempotency-Key": key})
        assert (await problem(answer))[0] == 400
    assert not context.db.images


async def test_a_known_picture_is_answered_with_its_image_when_that_is_asked_for() -> None:
    context = make_context()
    async with running_api(context) as client:
        first = (await (await upload(client, form(JPEG))).json())["images"][0]
        answer = await client.post(URL + "?dedupe=true", data=form(("again.jpg", JPEG)))
        again = (await answer.json())["images"][0]
        assert answer.status == 200
        assert (first["duplicate"], again["duplicate"]) == (False, True)
        assert (again["image_id"], again["url"], again["filename"]) == (first["image_id"], first["url"], "again.jpg")
        unasked = await (await upload(client, form(JPEG))).json()
        assert unasked["images"][0]["image_id"] != first["image_id"]
    assert len(context.db.images) == 2


async def test_of_known_and_new_pictures_the_new_ones_are_accepted() -> None:
    context = make_context()
    async with running_api(context) as client:
        await upload(client, form(JPEG))
        answer = await client.post(URL + "?dedupe=true", data=form(JPEG, pictures.png()))
        assert answer.status == 202
        assert [image["duplicate"] for image in (await answer.json())["images"]] == [True, False]
    assert len(context.db.images) == 2


async def test_the_same_picture_twice_in_one_form_is_one_image() -> None:
    context = make_context()
    async with running_api(context) as client:
        answer = await client.post(URL + "?dedupe=true", data=form(JPEG, pictures.png(), JPEG))
        images = (await answer.json())["images"]
        assert answer.status == 202
        assert [image["duplicate"] for image in images] == [False, False, True]
        assert images[2]["image_id"] == images[0]["image_id"]
        unasked = (await (await upload(client, form(JPEG, JPEG))).json())["images"]
        assert [image["duplicate"] for image in unasked] == [False, False]
    assert len(context.db.images) == 4


async def test_the_same_picture_many_times_in_one_form_waits_for_the_first() -> None:
    """More of them than are accepted at the same time, and of one that cannot be stored each is refused."""
    context = make_context()
    many = [JPEG] * (AT_ONCE * 2)
    async with running_api(context) as client:
        broker(context).fails = PublishFailed("away")
        answer = await client.post(URL + "?dedupe=true", data=form(*many))
        assert (answer.status, len((await answer.json())["rejected"])) == (503, len(many))
        broker(context).fails = None
        answer = await client.post(URL + "?dedupe=true", data=form(*many))
        assert [image["duplicate"] for image in (await answer.json())["images"]] == [False] + [True] * (len(many) - 1)


async def test_with_another_label_it_is_another_picture() -> None:
    context = make_context()
    async with running_api(context) as client:
        await upload(client, form(JPEG, label="cat"))
        for label, status in (("dog", 202), ("cat", 200)):
            answer = await client.post(URL + "?dedupe=true", data=form(JPEG, label=label))
            assert answer.status == status
    assert sorted(str(image.label) for image in context.db.images.values()) == ["cat", "dog"]


async def test_a_picture_that_was_not_published_is_not_known() -> None:
    context = make_context()
    broker(context).fails = PublishFailed("away")
    async with running_api(context) as client:
        assert (await upload(client, form(JPEG))).status == 503
        broker(context).fails = None
        assert (await client.post(URL + "?dedupe=true", data=form(JPEG))).status == 202


async def test_the_hit_rate_is_among_the_figures() -> None:
    async with running_api(make_context()) as client:
        assert (await (await client.get("/api/v1/stats")).json())["dedupe"] == {"asked": 0, "hits": 0, "hit_rate": None}
        for _ in range(4):
            await client.post(URL + "?dedupe=true", data=form(JPEG))
        assert (await (await client.get("/api/v1/stats")).json())["dedupe"] == {"asked": 4, "hits": 3, "hit_rate": 0.75}


async def test_dedupe_is_true_or_false() -> None:
    async with running_api(make_context()) as client:
        assert (await problem(await client.post(URL + "?dedupe=yes", data=form(JPEG))))[0] == 400
