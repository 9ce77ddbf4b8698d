"""The whole OpenAPI document against the running API: every operation, what fits its description and what does not."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from streamapp.access import keys
from streamapp.access.callers import SCOPES
from streamapp.settings import Settings
from streamapp.storage.keys import KeyStore
from tests.support.filled import described, filled
from tests.support.stack import Stack

#: A longer search: `STREAMAPP_TEST_EXAMPLES=200 STREAMAPP_TEST_SEEDS=7,8 pytest tests/integration/test_openapi.py`.
EXAMPLES = int(os.environ.get("STREAMAPP_TEST_EXAMPLES", "6"))
SEEDS = [int(text) for text in os.environ.get("STREAMAPP_TEST_SEEDS", "1,2,3").split(",")]


class Pass(NamedTuple):
    """One way through the whole document: with a key or where nobody asks for one, and from which seed."""

    guarded: bool
    seed: int

    def __str__(self) -> str:
        return f"{'with a key' if self.guarded else 'open'} {self.seed}"


class Served(NamedTuple):
    """The API of a pass: where it is, what its paths can name, and what a caller sends along."""

    way: Pass
    url: str
    known: dict[str, str]
    headers: dict[str, str]


PASSES = [*[Pass(False, seed) for seed in SEEDS], Pass(True, SEEDS[0])]


@contextmanager
def in_thread(way: Pass, settings: Settings) -> Iterator[Served]:
    """The running API, on an event loop of its own: the client here is not asynchronous."""
    started, stop, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()
    found: list[Served] = []

    async def serve() -> None:
        try:
            async with filled(settings) as (api, known):
                api.context.live.close()  # its event streams end at once
                key = keys.create()
                await KeyStore(api.context.db).add(key, "every scope", SCOPES, None)
                found.append(Served(way, api.url, known, {"Authorization": f"Bearer {key}"} if way.guarded else {}))
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


@pytest.fixture(scope="module", params=PASSES, ids=str)
def served(servers: Stack, request: pytest.FixtureRequest) -> Iterator[Served]:
    way: Pass = request.param
    # Nobody asks as often as this does, or fails as often to say who it is.
    changed = {"auth": way.guarded, "rate_limit": 0, "address_limit": 0}
    with in_thread(way, Settings.load(servers.environ).model_copy(update=changed)) as served:
        yield served


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


DOCUMENT = described()
SCHEMAS = {guarded: schemathesis.openapi.from_dict(without_pairs(described(guarded))) for guarded in (False, True)}
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


def check(method: str, path: str, served: Served, mode: GenerationMode) -> None:
    """Send requests that fit the description, or do not, and look at the answers with every check there is."""
    doubtful = mode is GenerationMode.POSITIVE and method == "post" and path in MORE_THAN_A_SCHEMA
    left_out = [positive_data_acceptance] if doubtful else []
    cases = SCHEMAS[served.way.guarded][path][method].as_strategy(generation_mode=mode)

    @seed(served.way.seed)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(cases, st.booleans())
    def send(case: Case, use_known: bool) -> None:
        noun = path.split("/")[3]
        if mode is GenerationMode.POSITIVE and use_known and noun in served.known:
            case.path_parameters = dict.fromkeys(case.path_parameters or (), served.known[noun])
        case.call_and_validate(base_url=served.url, headers=served.headers, excluded_checks=left_out)

    send()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_what_fits_the_description_is_answered_as_it_says(served: Served, method: str, path: str) -> None:
    check(method, path, served, GenerationMode.POSITIVE)


@pytest.mark.parametrize(("method", "path"), CAN_BE_WRONG)
def test_what_does_not_fit_the_description_is_refused(served: Served, method: str, path: str) -> None:
    check(method, path, served, GenerationMode.NEGATIVE)
