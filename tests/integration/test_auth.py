"""The door of the API: keys and tokens from `streamapp token`, scopes, and what stays open."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from io import BytesIO
from typing import Any, get_args
from uuid import uuid4

import pytest
from aiohttp import ClientResponse
from typer.testing import CliRunner

from streamapp.__main__ import cli
from streamapp.access.callers import SCOPES, Scope
from streamapp.settings import Settings
from streamapp.web import auth
from streamapp.web.operations import Operation
from streamapp.web.rest import operations
from tests.support.api import Api, running
from tests.support.stack import Stack
from tests.unit.ingest.pictures import jpeg
from tests.unit.web.messages import verdict

SECRET = "a secret of more than thirty-two characters"
IMAGES = "/api/v1/images"


@pytest.fixture
def environ(servers: Stack, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in servers.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STREAMAPP_JWT_SECRET", SECRET)
    return {**servers.environ, "STREAMAPP_JWT_SECRET": SECRET}


@pytest.fixture
async def api(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    monkeypatch.setattr(auth, "BELIEVED_S", 0.0)
    async with running(Settings.load(environ)) as api:
        yield api


def token(*arguments: str, status: int = 0) -> str:
    """What `streamapp token ARGUMENTS` prints; in a thread of its own, for it has a loop of its own."""
    done = CliRunner().invoke(cli, ["token", *arguments], env={"COLUMNS": "200"})
    assert done.exit_code == status, done.output
    return done.stdout.strip()


async def made(*scopes: str, extra: tuple[str, ...] = ()) -> str:
    options = [word for scope in scopes for word in ("--scope", scope)]
    return await asyncio.to_thread(token, "create", *options, "--name", "ada", *extra)


async def status_of(api: Api, key: str, method: str = "GET", path: str = IMAGES, **request: Any) -> int:
    async with api.client.request(method, path, headers={"Authorization": f"Bearer {key}"}, **request) as answer:
        return answer.status


async def test_who_says_nothing_or_nonsense_is_asked_who_it_is(api: Api) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic YWRhOmFkYQ=="},
        {"Authorization": "Bearer sk_000000000000_" + "A" * 43},
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": "Bearer sk_' OR 1=1 --"},
    ):
        for path in (IMAGES, "/api/v1/ledger", "/graphql", "/nowhere"):
            async with api.client.get(path, headers=headers) as answer:
                assert (answer.status, answer.content_type) == (401, "application/problem+json"), (headers, path)
                assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_what_describes_the_api_is_open(api: Api) -> None:
    for path in ("/openapi.json", "/docs"):
        assert (await api.client.get(path)).status == 200, path


@pytest.mark.parametrize("extra", [(), ("--jwt",)], ids=["key", "token"])
async def test_each_scope_does_its_own(api: Api, extra: tuple[str, ...]) -> None:
    reader, writer = await made("read", extra=extra), await made("write", extra=extra)
    assert await status_of(api, reader) == 200
    assert await status_of(api, writer) == 403
    assert await status_of(api, reader, "POST", data={"file": BytesIO(jpeg())}) == 403
    assert await status_of(api, writer, "POST", data={"file": BytesIO(jpeg())}) == 202


async def test_every_operation_is_shut_to_the_other_scopes(api: Api) -> None:
    keys = {scope: await made(scope) for scope in SCOPES}
    every = operations(api.context)
    assert {operation.scope for operation in every} <= set(get_args(Scope))
    for operation in every:
        path = operation.url.replace("{id}", "0").replace("{name}", "x")
        for scope, key in keys.items():
            allowed = scope in (operation.scope, "admin")
            if not allowed:
                assert await status_of(api, key, operation.method, path) == 403, (operation.url, scope)
    assert needs(every, "POST", "/images") == "write"
    assert needs(every, "GET", "/images") == "read"
    assert needs(every, "POST", "/labels") == "label"
    assert needs(every, "POST", "/models/{name}/reload") == "admin"
    assert needs(every, "POST", "/models/{name}/promote") == "admin"
    assert needs(every, "POST", "/dead-letters/{id}/retry") == "admin"


def needs(every: list[Operation], method: str, path: str) -> str:
    [found] = [operation for operation in every if (operation.method, operation.path) == (method, path)]
    return found.scope


async def test_a_key_that_is_revoked_or_too_old_opens_nothing(api: Api) -> None:
    key, short = await made("read"), await made("read", extra=("--days", "0.000001"))
    assert await status_of(api, key) == 200
    await asyncio.sleep(0.1)
    assert await status_of(api, short) == 401
    listed = json.loads(await asyncio.to_thread(token, "list", "--json"))
    [row] = [row for row in listed if row["id"] == key.split("_")[1]]
    assert (row["name"], row["scopes"], row["revoked_at"]) == ("ada", ["read"], None)
    assert key.split("_", 2)[2] not in json.dumps(listed)
    await asyncio.to_thread(token, "revoke", row["id"])
    assert await status_of(api, key) == 401
    await asyncio.to_thread(lambda: token("revoke", row["id"], status=1))
    assert row["id"] in await asyncio.to_thread(token, "list")


async def test_who_follows_events_leaves_when_the_key_is_revoked(api: Api) -> None:
    key, other = await made("read"), await made("read")
    async with follow(api, key) as leaving, follow(api, other) as staying:
        await asyncio.to_thread(token, "revoke", key.split("_")[1])
        await asyncio.wait_for(leaving.content.read(), 30)
        api.context.live.apply_verdict(verdict(uuid4()))
        async with asyncio.timeout(30):
            while await staying.content.readline() != b"event: verdict\n":
                pass


async def test_a_database_that_hangs_is_said_quickly_to_who_has_a_key_too(api: Api) -> None:
    key = await made("write")
    api.proxies["database"].freeze()
    started = time.monotonic()
    assert await status_of(api, key, "POST", data={"file": BytesIO(jpeg())}) == 503
    assert time.monotonic() - started < 6
    api.proxies["database"].thaw()
    assert await status_of(api, key, "POST", data={"file": BytesIO(jpeg())}) == 202


async def test_who_follows_events_stays_while_the_database_is_away(api: Api) -> None:
    async with follow(api, await made("read")) as staying:
        await api.proxies["database"].cut()
        api.context.live.apply_verdict(verdict(uuid4()))
        async with asyncio.timeout(30):
            while await staying.content.readline() != b"event: verdict\n":
                pass


def follow(api: Api, key: str) -> AbstractAsyncContextManager[ClientResponse]:
    return api.client.get("/api/v1/events", headers={"Authorization": f"Bearer {key}"})


async def test_a_connection_does_nothing_more_when_the_key_is_revoked(api: Api) -> None:
    key = await made("read", "label")
    async with api.client.ws_connect("/graphql", protocols=["graphql-transport-ws"]) as socket:
        await socket.send_json({"type": "connection_init", "payload": {"Authorization": f"Bearer {key}"}})
        assert (await socket.receive_json(timeout=10))["type"] == "connection_ack"
        await socket.send_json(operation("following", "subscription { verdicts { imageId } }"))
        await socket.send_json(operation("before", "{ models { model } }"))
        assert (await socket.receive_json(timeout=10))["id"] == "before"
        assert (await socket.receive_json(timeout=10))["type"] == "complete"
        await asyncio.to_thread(token, "revoke", key.split("_")[1])
        await socket.send_json(operation("after", "mutation { labelImages(labels: []) { status } }"))
        said: dict[str, Any] = {}
        while set(said) < {"following", "after"}:
            one = await socket.receive_json(timeout=30)
            said.setdefault(one["id"], one["payload"])
        for payload in said.values():
            [error] = payload["errors"] if isinstance(payload, dict) else payload
            assert error["extensions"] == {"code": "unauthorized", "status": 401}


def operation(number: str, query: str) -> dict[str, Any]:
    return {"id": number, "type": "subscribe", "payload": {"query": query}}


async def test_without_the_database_a_key_cannot_be_known(api: Api) -> None:
    key, signed = await made("read"), await made("read", extra=("--jwt",))
    await api.proxies["database"].cut()
    assert await status_of(api, key) == 503
    assert await status_of(api, signed, path="/api/v1/models") == 200, "a token says everything itself"


async def test_a_request_key_is_its_callers_own(api: Api) -> None:
    ids = []
    for key in [await made("write"), await made("write")]:
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "the-first-of-today"}
        for _ in range(2):
            form = {"file": BytesIO(jpeg())}
            async with api.client.post(IMAGES, data=form, headers=headers) as answer:
                ids.append((await answer.json())["images"][0]["image_id"])
    assert ids[0] == ids[1] != ids[2] == ids[3]


async def test_who_asks_too_often_waits_and_without_redis_only_writers_do(environ: dict[str, str]) -> None:
    async with running(Settings.load({**environ, "STREAMAPP_RATE_LIMIT": "5"})) as api:
        key = await made("read", "write")
        assert [await status_of(api, key) for _ in range(5)] == [200] * 5
        async with api.client.get(IMAGES, headers={"Authorization": f"Bearer {key}"}) as answer:
            assert answer.status == 429
            assert 1 <= int(answer.headers["Retry-After"]) <= 61
        await api.proxies["redis"].cut()
        assert await status_of(api, key) == 200
        assert await status_of(api, key, "POST", data={"file": BytesIO(jpeg())}) == 503


async def test_a_door_that_is_not_guarded_is_open(servers: Stack) -> None:
    async with running(Settings.load(servers.environ)) as api:
        assert (await api.client.get(IMAGES)).status == 200
