"""One model at three precisions: contestants of their own, from the variable to the page, with nothing else said."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import ClientSession

from streamapp import topics
from tests.support.browser import chromium
from tests.support.fourth import python_path
from tests.support.platform import Client, eventually
from tests.support.shapes import write_shapes
from tests.support.stack import Stack, running_stack

MODELS = {"tiny", "tiny-bf16", "tiny-int8"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The platform with one small model at three precisions, and pictures to calibrate it with."""
    pictures = write_shapes(tmp_path_factory.mktemp("data"), train=6, test=1)
    extra = {
        "PYTHONPATH": python_path(tmp_path_factory.mktemp("checkout")),
        "STREAMAPP_MODELS": "tiny,tiny@bf16,tiny@int8",
        "STREAMAPP_DATA": str(pictures),
    }
    with running_stack(extra, dashboard=True) as running:
        yield running


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[Client]:
    async with ClientSession() as http:
        yield Client(stack, http)


async def test_each_is_a_role_a_group_and_a_contestant(stack: Stack, client: Client) -> None:
    assert {name.removesuffix("-1") for name in stack.processes()} >= MODELS
    ids = await client.upload(1, 2, 3)

    async def stored() -> bool:
        return (await client.counts()).outcomes == {model: {"predicted": 3} for model in MODELS}

    await eventually(stored, 30, "three rows of each contestant")

    async def committed() -> bool:
        return not any([await client.lag(f"streamapp-{model}", topics.IMAGES) for model in MODELS])

    await eventually(committed, 15, "a group of each contestant that has committed all")
    image = await client.get(f"/api/v1/images/{ids[0]}")
    assert {prediction["model"] for prediction in image["predictions"]} == MODELS
    assert (image["verdict"]["complete"], image["verdict"]["answers"], image["verdict"]["expected"]) == (True, 3, 3)

    async def counted() -> bool:
        rows = (await client.get("/api/v1/stats"))["models"]
        return {row["model_name"]: row["total_predictions"] for row in rows} == dict.fromkeys(MODELS, 3)

    await eventually(counted, 15, "three predictions of each contestant")


async def test_the_api_says_how_each_is_run(client: Client) -> None:
    async def known() -> dict[str, Any]:
        found = {model["model"]: model for model in (await client.get("/api/v1/models"))["models"]}
        return found if set(found) == MODELS else {}

    found = await eventually(known, 30, "the word of every contestant")
    assert found["tiny"]["precision"] == "f32"
    assert found["tiny-bf16"]["precision"] in ("bf16", "f32")  # as the CPU can
    assert found["tiny-int8"]["precision"] == "int8"
    assert len({model["sha256"] for model in found.values()}) == 1
    assert (await client.get("/api/v1/models/tiny-int8"))["workers"][0]["precision"] == "int8"


@pytest.mark.browser
def test_each_is_on_the_page(stack: Stack) -> None:
    async def upload() -> None:
        async with ClientSession() as http:
            await Client(stack, http).upload(4)

    asyncio.run(upload())
    with chromium() as browser:
        page = browser.new_page()
        page.goto(stack.dashboard_url)
        for model in sorted(MODELS):
            page.get_by_text(model, exact=True).first.wait_for(timeout=20_000)
