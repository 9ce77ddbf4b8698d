"""The whole OpenAPI document against the running API: every operation, what fits its description and what does not."""

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from streamapp.records import DeadLetter, base64_text
from streamapp.settings import Settings
from streamapp.storage.rows import Rows
from streamapp.web.answers import dumps
from streamapp.web.openapi import document
from streamapp.web.rest import operations
from tests.contract.examples import dead_letter, image, label, prediction, verdict
from tests.support.api import Api, running
from tests.support.stack import Stack
from tests.unit.ingest import pictures
from tests.unit.web.doubles import make_context
from tests.unit.web.messages import state

#: A longer search: `STREAMAPP_TEST_EXAMPLES=200 STREAMAPP_TEST_SEED=7 pytest tests/integration/test_openapi.py`.
EXAMPLES = int(os.environ.get("STREAMAPP_TEST_EXAMPLES", "10"))
SEED = int(os.environ.get("STREAMAPP_TEST_SEED", "1"))

known: dict[str, str] = {}


@asynccontextmanager
async def filled(stack: Stack) -> AsyncIterator[Api]:
    """The API, with at least one of everything; its event streams end at once."""
    async with running(Settings.load(stack.environ)) as api:
        image_id = await api.accepted(pictures.jpeg())
        prediction_ = prediction(image_id)
        letter = DeadLetter.model_validate({**dict(dead_letter()), "value": base64_text(image(image_id).encode())})
        rows = Rows(predictions=[prediction_], verdicts=[verdict(image_id, 3, complete=True)])
        rows.labels, rows.dead_letters = [label(image_id, "cat")], [letter]
        await api.context.db.store(rows)
        [one, *_] = (await api.get("dead-letters"))["dead_letters"]
        api.context.live.roster.put(state("mobilenet"))
        api.context.live.close()
        known.update(images=str(image_id), predictions=str(prediction_.prediction_id), models="mobilenet")
        known["dead-letters"] = str(one["id"])
        yield api


@contextmanager
def in_thread(stack: Stack) -> Iterator[str]:
    """The API's address, while it runs on an event loop of its own: the client here is not asynchronous."""
    started, stop, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()
    found: list[Any] = []

    async def serve() -> None:
        try:
            async with filled(stack) as api:
                found.append(api.url)
                started.set()
                await stop.wait()
        finally:
            started.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    started.wait()
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def url(servers: Stack) -> Iterator[str]:
    with in_thread(servers) as url:
        yield url


def without_pairs(schema: Any) -> Any:
    """The same where the items of a pair are of either kind: Schemathesis cannot read its own form of `prefixItems`."""
    if isinstance(schema, list):
        return [without_pairs(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: without_pairs(each) for name, each in schema.items()}
    if "prefixItems" in found:
        found["items"] = {"anyOf": found.pop("prefixItems")}
    return found


DOCUMENT = without_pairs(json.loads(dumps(document(operations(make_context())))))
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = [(method, path) for path, found in DOCUMENT["paths"].items() for method in found]
#: No text is too odd for the name of a model, or for the id of an event.
MODEL = "/api/v1/models/{name}"
NEVER_WRONG = {MODEL, f"{MODEL}/reload", f"{MODEL}/versions", "/api/v1/events"}
CAN_BE_WRONG = [
    (method, path)
    for method, path in OPERATIONS
    if path not in NEVER_WRONG and {"parameters", "requestBody"} & set(DOCUMENT["paths"][path][method])
]
#: Whether something is a picture, or a class that a model knows, no schema says.
MORE_THAN_A_SCHEMA = {"/api/v1/images", "/api/v1/images/{id}/label"}


def check(method: str, path: str, url: str, mode: GenerationMode) -> None:
    """Send requests that fit the description, or do not, and look at the answers with every check there is."""
    doubtful = mode is GenerationMode.POSITIVE and method == "post" and path in MORE_THAN_A_SCHEMA
    left_out = [positive_data_acceptance] if doubtful else []

    @seed(SEED)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(SCHEMA[path][method].as_strategy(generation_mode=mode), st.booleans())
    def send(case: Case, use_known: bool) -> None:
        noun = path.split("/")[3]
        if mode is GenerationMode.POSITIVE and use_known and noun in known:
            case.path_parameters = dict.fromkeys(case.path_parameters or (), known[noun])
        case.call_and_validate(base_url=url, excluded_checks=left_out)

    send()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_what_fits_the_description_is_answered_as_it_says(url: str, method: str, path: str) -> None:
    check(method, path, url, GenerationMode.POSITIVE)


@pytest.mark.parametrize(("method", "path"), CAN_BE_WRONG)
def test_what_does_not_fit_the_description_is_refused(url: str, method: str, path: str) -> None:
    check(method, path, url, GenerationMode.NEGATIVE)
