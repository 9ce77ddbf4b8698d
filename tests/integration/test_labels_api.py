"""Labels over HTTP: stored at once, on the stream for the live figures, the same again whatever is repeated."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from streamapp import topics
from streamapp.records import LabelMessage
from streamapp.settings import Settings
from streamapp.storage.rows import Rows
from tests.contract.examples import image, placed
from tests.support.api import Api, running
from tests.support.oracle import Oracle
from tests.support.stack import Stack
from tests.unit.ingest import pictures
from tests.unit.tables.samples import NOON_S, book, prediction

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(servers: Stack) -> AsyncIterator[Api]:
    async with running(Settings.load(servers.environ)) as api:
        yield api


async def images(api: Api, count: int) -> list[UUID]:
    """Recorded images, as if they had come through the stream."""
    messages = [image(uuid4()) for _ in range(count)]
    await api.context.db.store(Rows(images=[placed(message) for message in messages]))
    return [message.image_id for message in messages]


async def post(api: Api, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    async with api.client.post(f"/api/v1/{path}", json=body) as answer:
        return answer.status, await answer.json()


async def given(api: Api, image_id: UUID) -> list[tuple[str, str]]:
    async with api.context.db.connection() as connection:
        rows = await connection.fetch("SELECT label, by FROM labels WHERE image_id = $1 ORDER BY timestamp", image_id)
    return [tuple(row) for row in rows]


async def test_a_label_counts_at_once_and_the_live_accuracy_follows(api: Api) -> None:
    oracle = Oracle(api.context.settings, [])
    since = {topic: await oracle.ends(topic) for topic in (topics.IMAGES, topics.LABELS)}
    image_id = await api.accepted(pictures.jpeg())
    status, answer = await post(api, f"images/{image_id}/label", {"label": "cat", "by": "ann"})
    assert (status, answer["label"], answer["by"], answer["changed"]) == (200, "cat", "ann", True)
    assert (await api.get(f"images/{image_id}"))["image"]["label"] == "cat"
    [sent] = await oracle.wire(since[topics.LABELS])
    [uploaded] = [one for one in await oracle.wire(since[topics.IMAGES]) if one.key == str(image_id).encode()]
    assert (sent.key, sent.partition) == (uploaded.key, uploaded.partition), "the image's race is on this partition"
    tables = book()
    tables.predicted(prediction("resnet50", image_id=image_id, prediction="cat"), sent.partition, 0, NOON_S)
    tables.labelled(LabelMessage.decode(sent.value), sent.partition, sent.offset, NOON_S + 1)
    [bucket] = [tables.buckets.get(key.partition("|")[2]) for key in tables.changed if key.startswith("bucket|resnet")]
    assert bucket is not None
    assert (bucket.labelled, bucket.correct) == (1, 1)


async def test_the_same_label_again_changes_nothing(api: Api) -> None:
    [image_id] = await images(api, 1)
    path = f"images/{image_id}/label"
    _, first = await post(api, path, {"label": "cat", "by": "ann"})
    since = await Oracle(api.context.settings, []).ends(topics.LABELS)
    status, again = await post(api, path, {"label": "cat", "by": "bob"})
    assert (status, again) == (200, {**first, "changed": False})
    assert await Oracle(api.context.settings, []).wire(since) == []
    for label in ("dog", "cat"):
        assert (await post(api, path, {"label": label}))[1]["changed"] is True
    assert await given(api, image_id) == [("cat", "ann"), ("dog", "api"), ("cat", "api")]
    assert (await api.get(f"images/{image_id}"))["image"]["label"] == "cat"


async def test_the_recorder_finds_nothing_new_on_the_topic(api: Api) -> None:
    [image_id] = await images(api, 1)
    oracle = Oracle(api.context.settings, [])
    since = await oracle.ends(topics.LABELS)
    await post(api, f"images/{image_id}/label", {"label": "cat"})
    [sent] = await oracle.wire(since)
    await api.context.db.store(Rows(labels=[LabelMessage.decode(sent.value)]))
    assert len(await given(api, image_id)) == 1


async def withdraw(api: Api, image_id: UUID) -> tuple[int, dict[str, Any]]:
    async with api.client.delete(f"/api/v1/images/{image_id}/label", params={"by": "ann"}) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize("came_with", [None, "dog"])
async def test_a_label_that_is_taken_back_is_gone_and_that_of_the_image_counts_again(
    api: Api, came_with: str | None
) -> None:
    message = image(uuid4()).model_copy(update={"label": came_with})
    await api.context.db.store(Rows(images=[placed(message)]))
    image_id, oracle = message.image_id, Oracle(api.context.settings, [])
    assert await withdraw(api, image_id) == (200, {"image_id": str(image_id), "changed": False})
    await post(api, f"images/{image_id}/label", {"label": "cat"})
    since = await oracle.ends(topics.LABELS)
    assert [(await withdraw(api, image_id))[1]["changed"] for _ in range(2)] == [True, False]
    [sent] = await oracle.wire(since)
    assert LabelMessage.decode(sent.value).label is None
    assert (await api.get(f"images/{image_id}"))["image"]["label"] == came_with
    assert (await post(api, f"images/{image_id}/label", {"label": "cat"}))[1]["changed"] is True
    assert (await withdraw(api, uuid4()))[0] == 404


async def test_what_is_unknown_is_said(api: Api) -> None:
    [image_id] = await images(api, 1)
    status, problem = await post(api, f"images/{uuid4()}/label", {"label": "cat"})
    assert (status, problem["detail"][:17]) == (404, "there is no image")
    status, problem = await post(api, f"images/{image_id}/label", {"label": "dragon"})
    assert status == 422
    assert "'dragon'; known are airplane, automobile, bird, cat" in problem["detail"]
    assert await given(api, image_id) == []


@pytest.mark.parametrize("body", [{}, {"label": ""}, {"label": 1}, {"label": "cat", "bye": "x"}, {"label": "a\0"}, []])
async def test_a_label_that_is_none_is_a_bad_request(api: Api, body: Any) -> None:
    assert (await post(api, f"images/{uuid4()}/label", body))[0] == 400


async def test_many_labels_have_a_result_each(api: Api) -> None:
    known, stranger = await images(api, 200), uuid4()
    labels = [{"image_id": str(each), "label": "dog"} for each in known]
    odd = [{"image_id": str(stranger), "label": "dog"}, {"image_id": str(known[0]), "label": "dragon"}]
    twice = [{"image_id": str(known[1]), "label": "cat"}]
    status, answer = await post(api, "labels", {"labels": labels + odd + twice, "by": "import"})
    assert (status, answer["changed"]) == (200, 200)
    assert [one["status"] for one in answer["results"]] == [200] * 200 + [404, 422, 422]
    assert "twice" in answer["results"][-1]["detail"]
    status, again = await post(api, "labels", {"labels": labels, "by": "import"})
    assert (again["changed"], again["results"][5]["label"]["label"]) == (0, "dog")


async def test_more_than_a_thousand_are_refused(api: Api) -> None:
    labels = [{"image_id": str(uuid4()), "label": "cat"}] * 1001
    assert (await post(api, "labels", {"labels": labels}))[0] == 400
    assert (await post(api, "labels", {"labels": labels[1:]}))[0] == 200


async def test_without_a_broker_nothing_is_stored_and_it_can_be_asked_again(api: Api) -> None:
    [image_id] = await images(api, 1)
    api.broker.away = True
    try:
        status, _ = await post(api, f"images/{image_id}/label", {"label": "cat"})
    finally:
        api.broker.away = False
    assert status == 503
    assert await given(api, image_id) == []
    assert (await post(api, f"images/{image_id}/label", {"label": "cat"}))[1]["changed"] is True
