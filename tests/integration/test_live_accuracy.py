"""A label from a person, all the way: the API, the topic, the tables of `stats`, and the figures that are asked for."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import ClientSession

from streamapp import topics
from tests.support.platform import Client, eventually
from tests.support.stack import Stack, running_stack
from tests.support.stats import producing
from tests.unit.web.messages import prediction


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Everything but the model itself, whose answers are sent here: the weights of tests know nothing."""
    with running_stack({"STREAMAPP_ROLES": "api,stats,recorder", "STREAMAPP_MODELS": "mobilenet"}) as running:
        yield running


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[Client]:
    async with ClientSession() as http:
        yield Client(stack, http)


async def label(client: Client, image_id: object, name: str) -> None:
    """Say what an image shows."""
    async with client.http.post(f"{client.api}/api/v1/images/{image_id}/label", json={"label": name}) as answer:
        assert answer.status == 200, await answer.text()


async def becomes(client: Client, **wanted: Any) -> None:
    """Wait until the figures of the last minutes say so."""

    async def said() -> bool:
        rows = (await client.get("/api/v1/stats?window=15m"))["models"]
        return [{name: row[name] for name in wanted} for row in rows] == [wanted]

    await eventually(said, 30, f"the figures of the model are {wanted}")


async def test_a_label_that_is_posted_moves_the_accuracy_that_is_asked_for(client: Client) -> None:
    first, second = await client.upload(1, 2)
    async with producing(client.settings) as producer:
        for image_id in (first, second):
            answer = prediction(image_id, "mobilenet", prediction="cat", trained=True)
            await producer.send_and_wait(topics.PREDICTIONS, answer.encode(), str(image_id).encode())
    await becomes(client, total_predictions=2, labelled=0, accuracy=None)
    await label(client, first, "cat")
    await becomes(client, labelled=1, accuracy=1.0)
    await label(client, second, "dog")
    await becomes(client, labelled=2, accuracy=0.5)
    await label(client, first, "dog")
    await becomes(client, labelled=2, accuracy=0.0)
