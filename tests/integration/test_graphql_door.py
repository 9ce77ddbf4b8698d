"""What comes to `/graphql` from outside: callers and their scopes, and input that means harm."""

import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamapp.access.tokens import Tokens
from streamapp.settings import Settings
from streamapp.storage.rows import Rows
from streamapp.web import limits
from tests.contract.examples import image, placed
from tests.support.api import Api, running
from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "a secret of more than thirty-two characters"
MODELS = "{ models { model } }"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(servers: Stack) -> AsyncIterator[Api]:
    async with running(Settings.load(servers.environ)) as api:
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(servers: Stack) -> AsyncIterator[Api]:
    async with running(Settings.load({**servers.environ, "STREAMAPP_JWT_SECRET": SECRET})) as api:
        yield api


def bearer(api: Api, *scopes: str) -> str:
    tokens = Tokens.of(api.context.settings)
    assert tokens is not None
    return "Bearer " + tokens.sign("ada", scopes, 60)


async def post(api: Api, body: Any, **headers: str) -> tuple[int, Any]:
    """Status and JSON of the answer to a body, as JSON where it is none yet."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = {"Content-Type": "application/json", **headers}
    async with api.client.post("/graphql", data=BytesIO(data), headers=said) as answer:
        text = await answer.text()
        assert "Traceback" not in text
        return answer.status, json.loads(text)


# -- who may ---------------------------------------------------------------------------------------

LABEL = 'mutation { labelImages(labels: [{imageId: "%s", label: "cat"}]) { status } }' % uuid4()  # noqa: UP031
RETRY = "mutation { retryDeadLetter(id: 9223372036854775807) { id } }"


@pytest.mark.parametrize(
    ("query", "scope", "others"),
    [(LABEL, "label", ("read", "write")), (RETRY, "admin", ("read", "write", "label"))],
)
async def test_what_changes_something_takes_a_scope(
    guarded: Api, query: str, scope: str, others: tuple[str, ...]
) -> None:
    status, body = await post(guarded, {"query": query}, Authorization=bearer(guarded, *others))
    [error] = body["errors"]
    assert (status, error["extensions"]) == (200, {"code": "forbidden", "status": 403})
    _, body = await post(guarded, {"query": query}, Authorization=bearer(guarded, "read", scope))
    assert "forbidden" not in str(body)


async def test_a_label_is_its_caller_s(guarded: Api) -> None:
    one = image()
    await guarded.context.db.store(Rows(images=[placed(one)]))
    query = 'mutation($id: UUID!) { labelImages(labels: [{imageId: $id, label: "cat"}], by: "bob") { label { by } } }'
    asked = {"query": query, "variables": {"id": str(one.image_id)}}
    _, body = await post(guarded, asked, Authorization=bearer(guarded, "read", "label"))
    assert body["data"]["labelImages"] == [{"label": {"by": "token:ada"}}]


async def test_asking_takes_the_scope_read(guarded: Api) -> None:
    assert (await post(guarded, {"query": MODELS}))[0] == 401
    assert (await post(guarded, {"query": MODELS}, Authorization=bearer(guarded, "label")))[0] == 403
    assert (await post(guarded, {"query": MODELS}, Authorization=bearer(guarded, "read")))[0] == 200


@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket"])
async def test_a_request_that_pretends_to_be_a_connection_is_let_in_no_further(guarded: Api, upgrade: str) -> None:
    status, _ = await post(guarded, {"query": MODELS}, Upgrade=upgrade, Connection="Upgrade")
    assert status in (401, 403)


async def begin(api: Api, headers: dict[str, str], payload: dict[str, str]) -> aiohttp.WSMessage:
    async with api.client.ws_connect("/graphql", protocols=["graphql-transport-ws"], headers=headers) as socket:
        await socket.send_json({"type": "connection_init", "payload": payload})
        return await socket.receive(timeout=10)


async def test_a_connection_says_whose_it_is_with_its_headers_or_its_first_message(guarded: Api) -> None:
    good, weak = {"Authorization": bearer(guarded, "read")}, {"Authorization": bearer(guarded, "label")}
    for headers, payload in ((good, {}), ({}, good), (good, weak)):
        assert (await begin(guarded, headers, payload)).json() == {"type": "connection_ack"}
    for payload in ({}, weak, {"Authorization": "Bearer x.y.z"}, {"Authorization": "x" * 10_000}):
        assert (await begin(guarded, {}, payload)).data == 4403
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await begin(guarded, weak, good)
    assert refused.value.status == 403


async def test_nothing_is_done_before_a_connection_has_said_whose_it_is(guarded: Api) -> None:
    async with guarded.client.ws_connect("/graphql", protocols=["graphql-transport-ws"]) as socket:
        await socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": MODELS}})
        assert (await socket.receive(timeout=10)).data == 4401


async def test_a_connection_does_what_its_scopes_allow(guarded: Api) -> None:
    async with guarded.client.ws_connect("/graphql", protocols=["graphql-transport-ws"]) as socket:
        await socket.send_json({"type": "connection_init", "payload": {"Authorization": bearer(guarded, "read")}})
        await socket.receive_json(timeout=10)
        await socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": LABEL}})
        said = await socket.receive_json(timeout=10)
        assert said["payload"]["errors"][0]["extensions"]["status"] == 403


async def test_every_operation_on_a_connection_counts_as_a_request(servers: Stack) -> None:
    environ = {**servers.environ, "STREAMAPP_JWT_SECRET": SECRET, "STREAMAPP_RATE_LIMIT": "5"}
    async with running(Settings.load(environ)) as api:
        tokens = Tokens.of(api.context.settings)
        assert tokens is not None
        payload = {"Authorization": "Bearer " + tokens.sign(uuid4().hex, ["read"], 60)}
        async with api.client.ws_connect("/graphql", protocols=["graphql-transport-ws"]) as socket:
            await socket.send_json({"type": "connection_init", "payload": payload})
            await socket.receive_json(timeout=10)
            said: list[Any] = []
            for number in range(10):  # at most one minute ends in between, and nine are more than five
                await socket.send_json({"id": str(number), "type": "subscribe", "payload": {"query": MODELS}})
                said.append(await socket.receive_json(timeout=10))
                if said[-1]["type"] == "next":
                    await socket.receive_json(timeout=10)
            [refused, *_] = [one for one in said if one["type"] == "error"]
            assert refused["payload"][0]["extensions"]["status"] == 429
        assert (await post(api, {"query": MODELS}, **payload))[0] == 429


async def test_every_change_in_a_document_counts(servers: Stack) -> None:
    environ = {**servers.environ, "STREAMAPP_JWT_SECRET": SECRET, "STREAMAPP_RATE_LIMIT": "5"}
    async with running(Settings.load(environ)) as api:
        tokens = Tokens.of(api.context.settings)
        assert tokens is not None
        key = "Bearer " + tokens.sign(uuid4().hex, ["read", "label"], 60)
        one = LABEL.removeprefix("mutation {").removesuffix("}")
        document = "mutation { " + " ".join(f"a{n}: {one}" for n in range(15)) + " }"
        _, body = await post(api, {"query": document}, Authorization=key)
        assert body["data"]["a0"] == [{"status": 404}]
        assert body["data"]["a14"] is None
        assert {error["extensions"]["status"] for error in body["errors"]} == {429}


async def test_without_the_cache_questions_are_answered_and_nothing_is_changed(guarded: Api) -> None:
    key = bearer(guarded, "read", "label")
    await guarded.proxies["redis"].cut()
    try:
        asked = await post(guarded, {"query": MODELS}, Authorization=key)
        _, changed = await post(guarded, {"query": LABEL}, Authorization=key)
    finally:
        await guarded.proxies["redis"].start()
    assert asked == (200, {"data": {"models": []}})
    assert changed["errors"][0]["extensions"]["status"] == 503


async def test_who_guesses_keys_on_connections_is_held_up(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_FAILURES", 0)
    async with running(Settings.load({**servers.environ, "STREAMAPP_JWT_SECRET": SECRET})) as api:
        assert (await begin(api, {}, {"Authorization": "Bearer x.y.z"})).data == 4403
        async with api.client.get("/graphql", headers={"Authorization": "Bearer x.y.z"}) as answer:
            assert answer.status == 429


# -- what comes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b'{"query": "\xff"}',
        b"{",
        b"1",
        b"null",
        b'"x"',
        b"[" * 100_000,
        b'{"query": "{ models { model } }", "variables": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
        b'{"a": "' + b"x" * 2_000_000 + b'"}',
        b'{"query": 1}',
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": "{ models { model } }", "variables": 1}',
        b'{"query": "{ models { model } }", "operationName": 1}',
        b'{"query": "{ models { model } }", "operationName": "other"}',
        b'{"query": "{ models { model } }", "extensions": 1}',
        b'[{"query": "{ models { model } }"}, {"query": "{ models { model } }"}]',
        b"[]",
        b"[1]",
        rb'{"query": "{ \ud800 }"}',
        rb'{"query": "{ models \u0000 { model } }"}',
    ],
    ids=lambda body: body[:40].decode(errors="replace"),
)
async def test_a_body_that_is_none_is_refused(api: Api, body: bytes) -> None:
    status, _ = await post(api, body)
    assert 400 <= status < 500


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_only_json_is_read(api: Api, kind: str) -> None:
    """A page of somebody else's can send the other kinds without asking."""
    assert (await post(api, {"query": MODELS}, **{"Content-Type": kind}))[0] == 415


async def test_a_packed_body_is_refused(api: Api) -> None:
    assert (await post(api, {"query": MODELS}, **{"Content-Encoding": "gzip"}))[0] == 415


@pytest.mark.parametrize("levels", [10, 30, 60, 100, 150, 300, 600])
@pytest.mark.parametrize(
    ("opens", "closes"),
    [("{a", "}"), ("{...on Query", "}"), ("{a(b:" + "[" * 2, "]])}"), ("{a(b:{c:", "1})}")],
)
async def test_nesting_is_refused(api: Api, levels: int, opens: str, closes: str) -> None:
    inner = "{a}" if closes == "}" else "1"
    status, body = await post(api, {"query": opens * levels + inner + closes * levels})
    assert status == 400
    assert body["errors"][0]["message"]


@pytest.mark.parametrize("levels", [10, 100, 900])
async def test_nested_values_are_refused(api: Api, levels: int) -> None:
    for value in ("[" * levels + "]" * levels, "{a:" * levels + "1" + "}" * levels):
        status, _ = await post(api, {"query": "{ images(where: %s) { next } }" % value})  # noqa: UP031
        assert status == 400
    status, _ = await post(api, {"query": "query($a: %s) { models { model } }" % ("[" * levels + "Int" + "]" * levels)})
    assert status == 400


async def test_a_document_of_many_words_is_refused(api: Api) -> None:
    status, body = await post(api, {"query": "{ " + "models { model } " * 1_000 + "}"})
    assert status == 400
    assert "token" in body["errors"][0]["message"]


async def test_a_parameter_that_is_no_text_is_refused(api: Api) -> None:
    for query in ("query=%FF", "query=%7B+models+%7B+model+%7D+%7D&variables=%FF", "query={models{model}}&variables=["):
        async with api.client.get(f"/graphql?{query}") as answer:
            assert 400 <= answer.status < 500, query


# -- what the arguments are made of ----------------------------------------------------------------

INJECTIONS = st.sampled_from(
    [
        *("' OR '1'='1", "'; DROP TABLE images; --", '"}) { __schema { types { name } } } #'),
        *("../../etc/passwd", "\x00", "$1", "%s", "{0}", "${jndi:ldap://x}", "\u202e", "a" * 10_000),
        *("-1", "1e999", "NaN", "null", "[]", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59"),
        *("9999999999999999-" + "f" * 32, "1-" + "0" * 32),
    ]
)
TEXTS = INJECTIONS | st.text(max_size=50)
ANYTHING = TEXTS | st.none() | st.booleans() | st.integers() | st.floats() | st.lists(TEXTS, max_size=2)

WHERE = "source camera label consensus disagreement since until model prediction confidence run"
#: Each argument, as `v`, and the fields that it may have.
QUERIES = {
    "query($v: UUID!) { image(id: $v) { imageId } }": "",
    "query($v: UUID!) { prediction(id: $v) { model } }": "",
    "query($v: Int!) { images(limit: $v) { next } }": "",
    "query($v: String) { images(before: $v) { next } }": "",
    "query($v: ImageWhere) { images(limit: 1, where: $v) { next } }": WHERE,
    "query($v: Int!) { predictions(limit: $v) { next } }": "",
    "query($v: String) { predictions(before: $v) { next } }": "",
    "query($v: PredictionWhere) { predictions(limit: 1, where: $v) { next } }": WHERE,
    "query($v: Window!) { stats(window: $v) { window } }": "",
    "query($v: Int!) { ledger(missing: $v) { idle } }": "",
    "query($v: String!) { __type(name: $v) { name } }": "",
    "mutation($v: String!) { labelImages(labels: [], by: $v) { status } }": "",
    "mutation($v: [ImageLabel!]!) { labelImages(labels: $v) { status } }": "imageId label",
    "mutation($v: UUID!) { withdrawLabel(imageId: $v) { changed } }": "",
    "mutation($v: Count!) { retryDeadLetter(id: $v, dryRun: true) { id } }": "",
    "mutation($v: Boolean!) { retryDeadLetter(id: 1, dryRun: $v) { id } }": "",
}


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, Any]:
    query, names = draw(st.sampled_from(sorted(QUERIES.items())))
    if not names:
        return query, draw(ANYTHING)
    fields = draw(st.dictionaries(st.sampled_from(names.split()), ANYTHING, max_size=3))
    return query, [fields] if "ImageLabel" in query else fields


async def test_what_arguments_hold_is_never_obeyed(api: Api) -> None:
    seen: list[tuple[str, Any]] = []

    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(documents())
    def collect(document: tuple[str, Any]) -> None:
        seen.append(document)

    collect()
    for query, value in seen:
        status, body = await post(api, {"query": query, "variables": {"v": value}})
        problems = [error.get("extensions", {}).get("status", 400) for error in body.get("errors", [])]
        assert status in (200, 400), (query, value, body)
        assert all(400 <= problem < 500 for problem in problems), (query, value, body)
    assert (await api.get("images?limit=1"))["images"] is not None, "the tables are still there"
