"""A fourth model is one new file in `agents/`, with no other edit: it answers, is counted, and is on the page."""

import asyncio
from collections.abc import Iterator

import pytest
from aiohttp import ClientSession

from tests.support.browser import chromium
from tests.support.fourth import python_path
from tests.support.platform import Client, eventually
from tests.support.stack import Stack, running_stack

MODELS = {"efficientnet", "mobilenet", "resnet50", "tiny"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The platform on a copy of `agents/` with one file more."""
    with running_stack({"PYTHONPATH": python_path(tmp_path_factory.mktemp("checkout"))}, dashboard=True) as running:
        yield running


@pytest.fixture
async def client(stack: Stack) -> Iterator[Client]:
    async with ClientSession() as http:
        yield Client(stack, http)


async def test_it_answers_and_is_counted(client: Client) -> None:
    ids = await client.upload(1, 2, 3)

    async def verdicts() -> bool:
        found = [(await client.get(f"/api/v1/images/{image_id}"))["verdict"] for image_id in ids]
        return all(verdict and verdict["complete"] for verdict in found)

    await eventually(verdicts, 30, "three complete verdicts")
    image = await client.get(f"/api/v1/images/{ids[0]}")
    assert {prediction["model"] for prediction in image["predictions"]} == MODELS
    assert (image["verdict"]["answers"], image["verdict"]["expected"]) == (4, 4)

    async def counted() -> bool:
        rows = (await client.get("/api/v1/stats"))["models"]
        return {row["model_name"]: row["total_predictions"] for row in rows} == dict.fromkeys(MODELS, 3)

    await eventually(counted, 15, "three predictions of each of four models")
    assert {model["model"] for model in (await client.get("/api/v1/models"))["models"]} == MODELS

    async def stored() -> bool:
        return (await client.counts()).outcomes.get("tiny") == {"predicted": 3}

    await eventually(stored, 15, "three rows of the fourth model")


@pytest.mark.browser
def test_it_is_on_the_page(stack: Stack) -> None:
    async def upload() -> None:
        async with ClientSession() as http:
            await Client(stack, http).upload(4)

    asyncio.run(upload())
    with chromium() as browser:
        page = browser.new_page()
        page.goto(stack.dashboard_url)
        for model in sorted(MODELS):
            page.get_by_text(model, exact=True).first.wait_for(timeout=20_000)
