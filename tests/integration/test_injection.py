"""What is written to be obeyed by a database, in every text that a request can hold: it is text, and nothing else."""

import asyncio
import copy
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from streamapp.settings import Settings
from streamapp.storage.rows import Rows
from tests.contract.examples import image, placed
from tests.support.api import Api
from tests.support.filled import described, filled
from tests.support.stack import Stack
from tests.unit.ingest import pictures
from tests.unit.web.messages import verdict

pytestmark = pytest.mark.asyncio(loop_scope="module")

INJECTIONS = {
    "drop": "'; DROP TABLE images; --",
    "or": "' OR 1=1 --",
    "or quoted": "1' OR '1'='1",
    "double": '" OR ""="',
    "union": "' UNION SELECT id, digest FROM api_keys --",
    "sleep": "'||pg_sleep(30)||'",
    "second": "1; DELETE FROM outcomes",
    "dollar": "$1 $$ $x$",
    "comment": "/**/--#",
    "format": "%s %(x)s {} {0} :x ?",
    "nul": "cat\x00' OR 1=1 --",
    "percent": "%",
    "underscore": "_",
    "backslash": "\\",
    "backslash quote": "\\'; DROP TABLE labels; --",
    "unicode quotes": "’ OR ‘1’=‘1",
    "modifier": "\u02bc OR 1=1 --",
    "full width": "\uff07 OR 1=1 --",
    "right to left": "\u202etac",
    "path": "../../../etc/passwd",
    "template": "${jndi:ldap://x}{{7*7}}<%=1%>",
    "long": "'" * 5000,
}
DOCUMENT = described()
OPERATIONS = [(method, path) for path, found in DOCUMENT["paths"].items() for method in found]


class World(NamedTuple):
    """The API, and what there is in it."""

    api: Api
    known: dict[str, str]

    async def counts(self) -> dict[str, int]:
        """Rows of each table."""
        async with self.api.context.db.connection() as connection:
            names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            tables = sorted(name for (name,) in names)
            return {name: await connection.fetchval(f'SELECT count(*) FROM "{name}"') for name in tables}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(servers: Stack) -> AsyncIterator[World]:
    async with filled(Settings.load(servers.environ)) as (api, known):
        yield World(api, known)


# -- REST ------------------------------------------------------------------------------------------


def example(schema: dict[str, Any], known: dict[str, str]) -> Any:
    """Something that fits a schema, with all of its fields."""
    if "$ref" in schema:
        return example(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]], known)
    if "anyOf" in schema:
        return example(schema["anyOf"][0], known)
    if "properties" in schema:
        return {name: example(each, known) for name, each in schema["properties"].items()}
    if schema.get("type") == "array":
        return [example(schema["items"], known)]
    texts = {"uuid": known["images"], "date-time": "2026-11-22T12:00:00Z"}
    usual = {"string": schema.get("enum", [texts.get(schema.get("format", ""), "cat")])[0], "boolean": True}
    return usual.get(schema.get("type", ""), 1)


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where there are texts."""
    if isinstance(value, str):
        yield place
    found = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in found:
        yield from leaves(each, (*place, name))


def put(value: Any, place: tuple[Any, ...], text: str) -> Any:
    """The same with another text there."""
    if not place:
        return text
    changed = copy.copy(value)
    changed[place[0]] = put(value[place[0]], place[1:], text)
    return changed


def noun(path: str) -> str:
    """What an operation is about."""
    return path.split("/")[3]


class Request(NamedTuple):
    """A request, and where it means harm."""

    url: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any = None
    form: dict[str, Any] | None = None


def requests(path: str, described: dict[str, Any], known: dict[str, str], text: str) -> Iterator[Request]:
    """Each text of an operation in turn, the others as they should be."""
    given = [(one["in"], one["name"]) for one in described.get("parameters", [])]
    content = described.get("requestBody", {}).get("content", {})
    body = example(content["application/json"]["schema"], known) if "application/json" in content else None
    files = {"file": pictures.jpeg(), "source": "upload"} if "multipart/form-data" in content else None
    plain = Request(re.sub("{.*?}", known.get(noun(path), "cat"), path), {}, {}, body, files)
    for where, name in given:
        if where == "path":
            place = path.replace(f"{{{name}}}", quote(text, safe=""))
            yield plain._replace(url=re.sub("{.*?}", known.get(noun(path), "cat"), place))
        elif where == "query":
            yield plain._replace(query={name: text})
        elif text.isascii() and text.isprintable():  # nothing else can be sent in a header
            yield plain._replace(headers={name: text})
    yield plain._replace(query={text: text})
    for place in leaves(body):
        yield plain._replace(body=put(body, place, text))
    for name in ("source", "label", "camera_id") if files else ():
        yield plain._replace(form={**(files or {}), name: text})


async def send(api: Api, method: str, request: Request) -> tuple[int, Any]:
    """Status, and JSON where there is some; what does not end is not read."""
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in request.query.items())
    url = URL(f"{api.url}{request.url}?{query}", encoded=True)
    content: dict[str, Any] = {"json": request.body} if request.body is not None else {}
    if request.form is not None:
        form = aiohttp.FormData()
        for name, value in request.form.items():
            form.add_field(name, value, filename="x.jpg" if name == "file" else None)
        content = {"data": form}
    async with aiohttp.request(method, url, headers=request.headers, **content) as answer:
        assert answer.status >= 400 or answer.content_type.partition("/")[0] in ("application", "image", "text")
        return answer.status, await answer.json() if answer.content_type == "application/json" else None


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_no_text_is_obeyed(world: World, method: str, path: str) -> None:
    before, uploaded, labelled = await world.counts(), 0, 0
    for text in INJECTIONS.values():
        for request in requests(path, DOCUMENT["paths"][path][method], world.known, text):
            status, answer = await send(world.api, method, request)
            assert status < 500 or (status, noun(path)) == (503, "models"), (request, answer)
            uploaded += len(answer["images"]) if status == 202 and noun(path) == "images" else 0
            labelled += int(answer.get("changed", 0)) if status == 200 and method != "get" else 0
    expected = {**before, "images": before["images"] + uploaded, "labels": before["labels"] + labelled}
    assert await world.counts() == expected
    assert (await world.api.get(f"images/{world.known['images']}"))["image"]["image_id"] == world.known["images"]


# -- what is found ---------------------------------------------------------------------------------

STORABLE = [text for text in INJECTIONS.values() if "\x00" not in text and len(text) <= 200]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cameras(world: World) -> dict[str, str]:
    """The image of each camera that is called so, and of one whose name every pattern would fit."""
    found = {text: image(uuid4(), camera_id=text) for text in [*STORABLE, "every-pattern' OR 1=1"]}
    await world.api.context.db.store(Rows(images=[placed(one) for one in found.values()]))
    return {text: str(one.image_id) for text, one in found.items()}


@pytest.mark.parametrize("text", STORABLE)
async def test_a_text_is_found_as_it_is(world: World, cameras: dict[str, str], text: str) -> None:
    async def found(**query: str) -> set[str]:
        asked = "&".join(f"{name}={quote(each, safe='')}" for name, each in query.items())
        async with world.api.client.get(URL(f"/api/v1/images?limit=200&{asked}", encoded=True)) as answer:
            shown = await answer.json()
        return {one["image"]["image_id"] for one in shown["images"]} & set(cameras.values())

    beginning = {image_id for camera, image_id in cameras.items() if camera.lower().startswith(text.lower())}
    assert await found(camera=text) == {cameras[text]}
    assert await found(q=text) == beginning
    assert await found(label=text) == set()
    body = await graphql(world.api, IMAGES, {"q": text})
    assert {one["imageId"] for one in body["data"]["images"]["images"]} & set(cameras.values()) == beginning


# -- GraphQL ---------------------------------------------------------------------------------------

IMAGES = "query($v: ImageWhere) { images(limit: 200, where: $v) { images { imageId } } }"
FIELDS = {
    IMAGES: "source camera label consensus since until q",
    "query($v: PredictionWhere) { predictions(where: $v) { next } }": "model prediction run since until",
    "mutation($v: [ImageLabel!]!) { labelImages(labels: $v) { status } }": "imageId label",
}
PLAIN = [
    "query($v: UUID!) { image(id: $v) { imageId } }",
    "query($v: UUID!) { prediction(id: $v) { model } }",
    "query($v: String) { images(before: $v) { next } }",
    "query($v: String) { predictions(before: $v) { next } }",
    "mutation($v: String!) { labelImages(labels: [], by: $v) { status } }",
    "mutation($v: Count!) { retryDeadLetter(id: $v, dryRun: true) { id } }",
    "query($v: Window!) { stats(window: $v) { window } }",
]


async def graphql(api: Api, query: str, value: Any) -> Any:
    """The answer to a query with a variable `v`."""
    async with api.client.post("/graphql", json={"query": query, "variables": {"v": value}}) as answer:
        assert answer.status in (200, 400), await answer.text()
        return await answer.json()


async def test_nor_in_graphql(world: World) -> None:
    before = await world.counts()
    for text in INJECTIONS.values():
        values = [(query, text) for query in PLAIN]
        for query, names in FIELDS.items():
            good = {"imageId": world.known["images"], "label": "cat"} if "ImageLabel" in query else {}
            given = [{**good, name: text} for name in names.split()]
            values += [(query, [each] if good else each) for each in given]
        for query, value in values:
            body = await graphql(world.api, query, value)
            problems = [error.get("extensions", {}).get("status", 400) for error in body.get("errors", [])]
            assert all(400 <= problem < 500 for problem in problems), (query, value, body)
        inline = f"{{ images(where: {{q: {json.dumps(text)}}}) {{ next }} }}"
        assert "internal" not in json.dumps(await graphql(world.api, inline, None))
    assert await world.counts() == before


async def test_what_is_followed_is_what_it_is_called(world: World) -> None:
    """Of three readers for each text only the one hears of a camera that is called so."""
    for text in STORABLE:
        async with world.api.client.ws_connect("/graphql", protocols=["graphql-transport-ws"]) as socket:
            await socket.send_json({"type": "connection_init"})
            assert (await socket.receive_json(timeout=10))["type"] == "connection_ack"
            for name in ("camera", "consensus", "source"):
                query = "subscription($v: VerdictWhere) { verdicts(where: $v) { cameraId } }"
                payload = {"query": query, "variables": {"v": {name: text}}}
                await socket.send_json({"id": name, "type": "subscribe", "payload": payload})
            refused = await socket.receive_json(timeout=10)
            assert refused["id"] == "source" and "errors" in str(refused), "there are five sources, and no text"
            assert (await socket.receive_json(timeout=10)) == {"id": "source", "type": "complete"}
            await asyncio.sleep(0.05)
            for camera in ("porch", text):
                world.api.context.live.apply_verdict(verdict(uuid4(), camera_id=camera))
            message = await socket.receive_json(timeout=10)
            assert (message["id"], message["payload"]["data"]["verdicts"]["cameraId"]) == ("camera", text)
            with pytest.raises(asyncio.TimeoutError):
                await socket.receive(timeout=0.05)
