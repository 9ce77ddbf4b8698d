"""The whole platform as separate processes, 12 partitions, two workers per role, on both brokers."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientSession
from aiokafka import AIOKafkaProducer

from streamapp import topics
from streamapp.brokers import client_options
from streamapp.records import ImageMessage, now
from streamapp.runtime.weights import BUNDLED
from tests.support.platform import Client, eventually
from tests.support.stack import Stack, running_stack

MODELS = ("efficientnet", "mobilenet", "resnet50")
#: Those whose weights come with the project; the others start with fresh ones, and every answer says so.
TRAINED = {path.name.removesuffix(".weights.h5") for path in BUNDLED.glob("*.weights.h5")}
GROUPS = {
    **{f"streamapp-{model}": topics.IMAGES for model in MODELS},
    "streamapp-stats": topics.PREDICTIONS,
    "streamapp-recorder": topics.PREDICTIONS,
}


@pytest.fixture(scope="module", params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    extra = {}
    if request.param == "apache":
        extra["STREAMAPP_BROKER"] = request.getfixturevalue("kafka").url
    with running_stack(extra, workers=2) as running:
        yield running


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[Client]:
    async with ClientSession() as http:
        client = Client(stack, http)
        yield client
        await settled(client)


async def settled(client: Client) -> None:
    """Wait until every group has done everything."""
    for group, topic in GROUPS.items():

        async def caught_up(group: str = group, topic: str = topic) -> bool:
            return await client.lag(group, topic) == 0

        await eventually(caught_up, 60, f"{group} has no lag on {topic}")


async def outcomes(client: Client) -> dict[str, int]:
    """Outcomes in PostgreSQL per model, of whatever kind."""
    by_model = (await client.counts()).outcomes
    return {model: sum(kinds.values()) for model, kinds in by_model.items()}


async def test_every_image_gets_every_models_answer_once(client: Client) -> None:
    before, accepted_before = await outcomes(client), (await client.counts()).accepted
    ids = [image_id for first in range(0, 60, 6) for image_id in await client.upload(*range(first, first + 6))]
    assert len(set(ids)) == 60

    async def all_stored() -> bool:
        after = await outcomes(client)
        return all(after.get(model, 0) == before.get(model, 0) + 60 for model in MODELS)

    await eventually(all_stored, 60, "60 outcomes for each model")
    await settled(client)
    counts = await client.counts()
    assert counts.accepted == accepted_before + 60
    assert counts.pending == 0
    assert await outcomes(client) == {model: before.get(model, 0) + 60 for model in MODELS}

    image = await client.get(f"/api/v1/images/{ids[0]}")
    assert {prediction["model"] for prediction in image["predictions"]} == set(MODELS)
    verdict = image["verdict"]
    assert (verdict["complete"], verdict["answers"], verdict["expected"]) == (True, 3, 3)
    inference = {prediction["model"]: prediction["inference_ms"] for prediction in image["predictions"]}
    assert verdict["fastest"] == min(inference, key=inference.__getitem__)
    for prediction in image["predictions"]:
        trained = prediction["model"] in TRAINED
        assert prediction["trained"] is trained, "the bundled weights are the default"
        assert prediction["model_version"].startswith("cifar10-" if trained else "untrained-")
        assert sum(share for _, share in prediction["top_k"]) == pytest.approx(1, abs=1e-3)
        stored = await client.get(f"/api/v1/predictions/{prediction['prediction_id']}")
        assert stored["image_id"] == str(ids[0])


async def test_an_answer_is_visible_at_once(client: Client) -> None:
    await client.upload(1000)
    [image_id] = await client.upload(1001)
    start = asyncio.get_running_loop().time()

    async def verdict() -> Any:
        return (await client.get(f"/api/v1/images/{image_id}"))["verdict"]

    found = await eventually(verdict, 5, "a verdict")
    assert found["complete"]
    assert asyncio.get_running_loop().time() - start < 3, "generous: other tests may load this machine"


async def test_figures_count_every_image_from_every_worker(client: Client) -> None:
    ids = await client.upload(*range(2000, 2030), label="cat")
    await settled(client)
    images = [await client.get(f"/api/v1/images/{image_id}") for image_id in ids]
    answers = [prediction for image in images for prediction in image["predictions"]]
    cats = Counter(answer["model"] for answer in answers if answer["prediction"] == "cat")
    kinds = (await client.counts()).outcomes
    predicted = {model: kinds[model]["predicted"] for model in MODELS}
    assert min(predicted.values()) >= 30

    async def counted() -> dict[str, int]:
        rows = (await client.get("/api/v1/stats?window=5m"))["models"]
        return {row["model_name"]: row["total_predictions"] for row in rows}

    async def as_stored() -> bool:
        return await counted() == predicted

    with suppress(AssertionError):
        await eventually(as_stored, 30, "the figures are what PostgreSQL holds, though no worker sees them all")
    assert await counted() == predicted
    for row in (await client.get("/api/v1/stats?window=5m"))["models"]:
        assert row["trained"] is (row["model_name"] in TRAINED)
        if row["trained"]:
            assert row["accuracy"] == pytest.approx(cats[row["model_name"]] / 30), "only these have a label"
        else:
            assert row["accuracy"] is None, "untrained weights have no accuracy"
        assert 0 < row["stages"]["inference"]["p50"] <= row["stages"]["inference"]["p99"]
        assert 0 < row["avg_confidence"] <= 1
        assert row["avg_latency_ms"] > 0
        assert row["throughput_imgs_per_sec"] > 0


async def test_what_cannot_be_done_is_a_dead_letter_and_stops_nobody(client: Client) -> None:
    before, dead_before = await client.counts(), (await client.counts()).dead_letters
    lost = ImageMessage(
        image_id=uuid4(),
        minio_path="raw-images/2026/01/01/missing.jpg",
        timestamp=now(),
        content_type="image/jpeg",
        sha256="0" * 64,
    )
    producer = AIOKafkaProducer(**client_options(client.settings))
    await producer.start()
    try:
        for partition in range(4):
            await producer.send_and_wait(topics.IMAGES, b"{poison", key=b"x", partition=partition)
        await producer.send_and_wait(topics.IMAGES, lost.encode(), key=str(lost.image_id).encode())
    finally:
        await producer.stop()
    [image_id] = await client.upload(3000)

    async def verdict() -> Any:
        return (await client.get(f"/api/v1/images/{image_id}"))["verdict"]

    assert (await eventually(verdict, 20, "the next image's verdict"))["complete"]
    await settled(client)

    async def buried() -> bool:
        # Four groups cannot read the poison (three models and the recorder); three models miss the object.
        return (await client.counts()).dead_letters == dead_before + 4 * 4 + 3

    await eventually(buried, 30, "19 dead letters")
    kinds = (await client.counts()).outcomes
    dead = {model: kinds[model]["dead"] - before.outcomes.get(model, {}).get("dead", 0) for model in MODELS}
    assert dead == dict.fromkeys(MODELS, 1)
    closed = (await client.get(f"/api/v1/images/{lost.image_id}"))["verdict"]
    assert sorted(closed["dead"]) == sorted(MODELS)
    assert (closed["complete"], closed["answers"]) == (True, 0)


@pytest.mark.parametrize("victim", ["mobilenet-1", "stats-1", "recorder-1"])
async def test_a_killed_worker_loses_and_doubles_nothing(client: Client, victim: str) -> None:
    before, verdicts_before = await outcomes(client), (await client.counts()).verdicts
    streaming = asyncio.create_task(client.stream(100, rate=20, first_seed=hash(victim) % 10_000 + 10_000))
    await asyncio.sleep(2)
    pid = client.kill(victim)
    await streaming
    assert len(client.accepted) == 100

    async def all_stored() -> bool:
        after, counts = await outcomes(client), await client.counts()
        return (
            all(after.get(model, 0) == before.get(model, 0) + 100 for model in MODELS)
            and counts.verdicts == verdicts_before + 100
        )

    await eventually(all_stored, 60, "100 outcomes for each model and 100 verdicts")
    await settled(client)
    assert await outcomes(client) == {model: before.get(model, 0) + 100 for model in MODELS}

    async def restarted() -> bool:
        return client.stack.processes().get(victim, pid) != pid

    await eventually(restarted, 30, f"{victim} is started again")


async def test_metrics_count_what_was_accepted(client: Client) -> None:
    counter = re.compile(r'^streamapp_images_accepted_total\{source="upload"\} (\S+)$', re.MULTILINE)

    async def accepted() -> float:
        async with client.http.get(f"{client.stack.api_url}/metrics") as answer:
            [value] = counter.findall(await answer.text())
        return float(value)

    before = await accepted()
    await client.upload(5000, 5001, 5002)
    assert await accepted() == before + 3


async def test_newest_images_come_first_with_their_answers(client: Client) -> None:
    ids = [str((await client.upload(seed))[0]) for seed in range(4000, 4005)]
    await settled(client)
    page = await client.get("/api/v1/images?limit=5")
    assert [entry["image"]["image_id"] for entry in page["images"]] == ids[::-1]
    answered = Counter(prediction["model"] for entry in page["images"] for prediction in entry["predictions"])
    assert answered == dict.fromkeys(MODELS, 5)
    following = await client.get(f"/api/v1/images?limit=5&before={page['next']}")
    assert not {entry["image"]["image_id"] for entry in following["images"]} & set(ids)
