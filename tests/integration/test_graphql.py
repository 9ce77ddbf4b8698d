"""GraphQL on real stores and a real broker: what can be asked and done, in a constant number of queries."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from aiohttp import WSCloseCode
from asyncpg.prepared_stmt import PreparedStatement

from streamapp import topics
from streamapp.records import ImageMessage, Verdict, base64_text, now
from streamapp.settings import Settings
from streamapp.storage.postgres import Database
from streamapp.storage.rows import Rows
from streamapp.web.graphql import view
from tests.contract.examples import dead_letter, image, placed, prediction, verdict
from tests.support.api import Api, running
from tests.support.oracle import Oracle
from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODELS = ("efficientnet", "mobilenet", "resnet50")
IMAGE = "imageId label thumbnailUrl verdict { consensus dead } predictions { model prediction topK { label } }"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(servers: Stack) -> AsyncIterator[Api]:
    async with running(Settings.load(servers.environ)) as api:
        yield api


async def ask(api: Api, query: str, **variables: Any) -> Any:
    """The data of an answer that has no errors."""
    async with api.client.post("/graphql", json={"query": query, "variables": variables}) as answer:
        body = await answer.json()
    assert "errors" not in body, body
    return body["data"]


async def fail(api: Api, query: str, **variables: Any) -> tuple[int, dict[str, Any]]:
    """The status and the first error of an answer that has one."""
    async with api.client.post("/graphql", json={"query": query, "variables": variables}) as answer:
        body = await answer.json()
    assert "Traceback" not in str(body)
    return answer.status, body["errors"][0]


async def store(api: Api, count: int, camera: str) -> list[ImageMessage]:
    """Recorded images of a camera, newest first, with what three models made of each."""
    start = now() + timedelta(days=500)
    images = [image(uuid4(), timestamp=start - timedelta(seconds=n), camera_id=camera) for n in range(count)]
    rows = Rows(images=[placed(one) for one in images])
    rows.predictions.extend(prediction(one.image_id, model) for one in images for model in MODELS)
    rows.verdicts.extend(verdict(one.image_id, 3, True, camera_id=camera) for one in images)
    await api.context.db.store(rows)
    return images


class Statements:
    """Counts what is sent to the database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[str] = []
        whole = Database.connection

        @asynccontextmanager
        async def connection(db: Database) -> AsyncIterator[Any]:
            async with whole(db) as real:
                with real.query_logger(lambda record: self.sent.append(record.query)):
                    yield real

        prepared = PreparedStatement.fetch

        async def fetch(statement: PreparedStatement, *arguments: Any) -> Any:
            self.sent.append(statement.get_query())
            return await prepared(statement, *arguments)

        monkeypatch.setattr(Database, "connection", connection)
        monkeypatch.setattr(PreparedStatement, "fetch", fetch)


# -- what can be asked -----------------------------------------------------------------------------


async def test_an_image_and_all_about_it(api: Api) -> None:
    [one] = await store(api, 1, f"cam-{uuid4().hex}")
    asked = await ask(api, "query($id: UUID!) { image(id: $id) { " + IMAGE + " } }", id=str(one.image_id))
    found = asked["image"]
    assert found["imageId"] == str(one.image_id)
    assert found["thumbnailUrl"] == f"/api/v1/images/{one.image_id}/thumbnail"
    assert found["verdict"] == {"consensus": "cat", "dead": ["resnet50"]}
    assert [each["model"] for each in found["predictions"]] == list(MODELS)
    assert found["predictions"][0]["topK"] == [{"label": "cat"}, {"label": "dog"}]
    assert (await ask(api, "query($id: UUID!) { image(id: $id) { label } }", id=str(uuid4())))["image"] is None


async def test_pages_go_on_where_the_last_one_ended(api: Api) -> None:
    camera = f"cam-{uuid4().hex}"
    stored = await store(api, 7, camera)
    query = """query($before: String, $where: ImageWhere) {
        images(limit: 3, before: $before, where: $where) { images { imageId cameraId } next }
    }"""
    seen, before, pages = [], None, 0
    while pages == 0 or before:
        page = (await ask(api, query, before=before, where={"camera": camera}))["images"]
        seen += [one["imageId"] for one in page["images"]]
        before, pages = page["next"], pages + 1
    assert (seen, pages) == ([str(one.image_id) for one in stored], 3)


@pytest.mark.parametrize(
    ("where", "count"),
    [
        *[({"consensus": "cat"}, 3), ({"consensus": "dog"}, 0), ({"disagreement": 0.5}, 0), ({"source": "upload"}, 0)],
        *[({"q": "CAM-"}, 3), ({"q": "CAM_"}, 0), ({"labelled": False}, 3), ({"labelled": True}, 0)],
    ],
)
async def test_filters_are_those_of_rest(api: Api, where: dict[str, Any], count: int) -> None:
    camera = f"cam-{uuid4().hex}"
    await store(api, 3, camera)
    query = "query($where: ImageWhere) { images(where: $where) { images { imageId } } }"
    assert len((await ask(api, query, where={**where, "camera": camera}))["images"]["images"]) == count


async def test_times_have_a_zone(api: Api) -> None:
    query = "query($where: ImageWhere) { images(where: $where) { images { timestamp } } }"
    at = (now() + timedelta(days=499)).isoformat()
    await store(api, 1, "cam-future")
    found = (await ask(api, query, where={"since": at}))["images"]["images"]
    assert found
    assert all(one["timestamp"] > at for one in found)
    _, error = await fail(api, query, where={"since": "2026-11-22T12:00:00"})
    assert error["extensions"]["code"] == "bad-request"


async def test_predictions_are_listed_and_found(api: Api) -> None:
    [one] = await store(api, 1, f"cam-{uuid4().hex}")
    query = '{ predictions(limit: 2, where: {model: "mobilenet"}) { next predictions { model } } }'
    [first, *_] = (await ask(api, query))["predictions"]["predictions"]
    assert first["model"] == "mobilenet"
    mine = prediction(one.image_id, "resnet50")
    query = "query($id: UUID!) { prediction(id: $id) { model totalMs image { imageId } } }"
    found = (await ask(api, query, id=str(mine.prediction_id)))["prediction"]
    assert found == {"model": "resnet50", "totalMs": 31.25, "image": {"imageId": str(one.image_id)}}
    assert (await ask(api, query, id=str(uuid4())))["prediction"] is None


async def test_figures_are_those_of_rest(api: Api) -> None:
    asked = await ask(
        api,
        "{ stats(window: LAST_5M) { window dedupe { asked } models { modelName } } models { model } "
        "ledger(missing: 0) { accepted models { model accepted inFlight missing } lags { group messages } } }",
    )
    rest = await api.get("ledger?missing=0")
    assert asked["stats"]["window"] == "5m"
    assert asked["models"] == []
    assert asked["ledger"]["accepted"] == rest["accepted"]
    assert [one["model"] for one in asked["ledger"]["models"]] == [one["model"] for one in rest["models"]]
    assert {one["group"] for one in asked["ledger"]["lags"]} == set(rest["lags"])


async def test_a_verdict_that_is_not_stored_yet_is_there(api: Api) -> None:
    one = image()
    await api.context.db.store(Rows(images=[placed(one)]))
    answers = [prediction(one.image_id, model) for model in MODELS]
    api.context.live.apply_verdict(verdict(one.image_id, 3, True, consensus="frog", predictions=answers))
    asked = await ask(api, "query($id: UUID!) { image(id: $id) { " + IMAGE + " } }", id=str(one.image_id))
    assert asked["image"]["verdict"]["consensus"] == "frog"
    assert len(asked["image"]["predictions"]) == 3


@pytest.mark.parametrize("count", [1, 100])
async def test_a_list_costs_the_same_number_of_queries_however_long(
    api: Api, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = f"cam-{uuid4().hex}"
    await store(api, count, camera)
    statements = Statements(monkeypatch)
    query = "query($where: ImageWhere) { images(limit: 100, where: $where) { images { " + IMAGE + " } } }"
    found = (await ask(api, query, where={"camera": camera}))["images"]["images"]
    assert len(found) == count
    assert all(len(one["predictions"]) == 3 and one["verdict"] for one in found)
    assert len(statements.sent) == 3, statements.sent


async def test_what_is_not_asked_for_is_not_read(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    statements = Statements(monkeypatch)
    await ask(api, "{ images(limit: 100) { images { imageId } } }")
    assert len(statements.sent) == 1


async def test_a_query_may_come_by_get(api: Api) -> None:
    async with api.client.get("/graphql", params={"query": "{ models { model } }"}) as answer:
        assert (answer.status, await answer.json()) == (200, {"data": {"models": []}})
        assert answer.headers["X-Request-ID"]


async def test_a_browser_that_asks_nothing_is_led_to_the_page(api: Api) -> None:
    async with api.client.get("/graphql", headers={"Accept": "text/html"}, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/graphiql")
    async with api.client.get("/graphiql") as answer:
        assert answer.status == 200


# -- what can be done ------------------------------------------------------------------------------

LABEL = """mutation($labels: [ImageLabel!]!) {
    labelImages(labels: $labels, by: "ann") { status detail label { label changed } }
}"""


async def test_labels_are_given_as_by_rest(api: Api) -> None:
    one, *_ = stored = await store(api, 2, "cam-labels")
    since = await Oracle(api.context.settings, []).ends(topics.LABELS)
    labels = [{"imageId": str(each.image_id), "label": "dog"} for each in stored]
    odd = [{"imageId": str(uuid4()), "label": "dog"}, {"imageId": str(one.image_id), "label": "dragon"}]
    found = (await ask(api, LABEL, labels=labels + odd))["labelImages"]
    assert [each["status"] for each in found] == [200, 200, 404, 422]
    assert found[0]["label"] == {"label": "dog", "changed": True}
    assert "dragon" in found[3]["detail"]
    assert len(await Oracle(api.context.settings, []).wire(since)) == 2
    assert (await api.get(f"images/{one.image_id}"))["image"]["label"] == "dog"


async def test_a_label_is_taken_back_as_by_rest(api: Api) -> None:
    [one] = await store(api, 1, "cam-withdrawn")
    await ask(api, LABEL, labels=[{"imageId": str(one.image_id), "label": "dog"}])
    query = "mutation($id: UUID!) { withdrawLabel(imageId: $id) { imageId changed } }"
    found = [(await ask(api, query, id=str(one.image_id)))["withdrawLabel"]["changed"] for _ in range(2)]
    assert found == [True, False]
    assert (await api.get(f"images/{one.image_id}"))["image"]["label"] is None


async def test_without_a_broker_no_label_is_given(api: Api) -> None:
    [one] = await store(api, 1, "cam-labels")
    api.broker.away = True
    try:
        _, error = await fail(api, LABEL, labels=[{"imageId": str(one.image_id), "label": "dog"}])
    finally:
        api.broker.away = False
    assert error["extensions"] == {"code": "publish-failed", "status": 503, "retry_after_s": 2}


async def test_a_dead_letter_is_sent_again(api: Api) -> None:
    message = image()
    fields = {"image_id": message.image_id, "model": "resnet50", "value": base64_text(message.encode())}
    where = {"topic": topics.IMAGES, "partition": 3, "offset": uuid4().int % 2**40, "reason": f"test-{uuid4().hex}"}
    letter = type(dead_letter()).model_validate({**dict(dead_letter()), **fields, **where})
    await api.context.db.store(Rows(dead_letters=[letter]))
    [listed] = (await api.get(f"dead-letters?reason={where['reason']}"))["dead_letters"]
    query = "mutation($id: Count!, $dry: Boolean!) { retryDeadLetter(id: $id, dryRun: $dry) { id status offset text } }"
    for dry, status in ((True, "open"), (False, "retried")):
        found = (await ask(api, query, id=listed["id"], dry=dry))["retryDeadLetter"]
        assert (found["id"], found["status"], found["offset"]) == (listed["id"], status, where["offset"])
    _, error = await fail(api, query, id=listed["id"], dry=False)
    assert error["extensions"] == {"code": "letter-refused", "status": 409}
    _, error = await fail(api, query, id=2**62, dry=False)
    assert error["extensions"]["status"] == 404


async def test_nothing_is_done_by_get(api: Api) -> None:
    query = "mutation { retryDeadLetter(id: 1) { id } }"
    async with api.client.get("/graphql", params={"query": query}) as answer:
        assert (answer.status, answer.content_type) == (400, "application/problem+json")


# -- what is wrong ---------------------------------------------------------------------------------


async def test_without_a_database_the_error_says_so(api: Api) -> None:
    await api.proxies["database"].cut()
    try:
        _, error = await fail(api, "{ images { next } }")
    finally:
        await api.proxies["database"].start()
    assert error["extensions"] == {"code": "store-unavailable", "status": 503, "retry_after_s": 2}
    await ask(api, "{ images { next } }")


async def test_an_error_is_as_the_manual_shows_it(api: Api) -> None:
    text = (Path(__file__).parents[2] / "docs" / "graphql.md").read_text()
    [shown] = re.findall(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    async with api.client.post("/graphql", json={"query": "{ images(limit: 201) { next } }"}) as answer:
        assert await answer.json() == json.loads(shown)


async def test_what_is_our_own_fault_is_in_the_log_only(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise KeyError("a secret")

    monkeypatch.setattr(Database, "prediction", broken)
    _, error = await fail(api, "query($id: UUID!) { prediction(id: $id) { model } }", id=str(uuid4()))
    assert "secret" not in str(error)
    assert error["extensions"]["status"] == 500
    assert error["extensions"]["request_id"] in caplog.text
    assert "a secret" in caplog.text


# -- what can be followed --------------------------------------------------------------------------


class Socket:
    """A client of graphql-transport-ws."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def subscribe(self, query: str, number: str = "1") -> None:
        payload = {"query": "subscription " + query}
        await self.socket.send_json({"id": number, "type": "subscribe", "payload": payload})

    async def next(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.socket.receive_json(timeout=10)
        return found


@asynccontextmanager
async def connected(api: Api) -> AsyncIterator[Socket]:
    async with api.client.ws_connect("/graphql", protocols=["graphql-transport-ws"]) as socket:
        await socket.send_json({"type": "connection_init"})
        assert (await socket.receive_json())["type"] == "connection_ack"
        yield Socket(socket)


async def until(readers: int, api: Api) -> None:
    async with asyncio.timeout(5):
        while api.context.live.readers != readers:  # noqa: ASYNC110  # it changes when the other side has read
            await asyncio.sleep(0.01)


def told(image_id: UUID, **fields: Any) -> Verdict:
    return verdict(image_id, 1, True, predictions=[prediction(image_id)], **fields)


async def test_verdicts_come_to_those_who_follow(api: Api) -> None:
    [one] = await store(api, 1, "cam-live")
    query = '{ verdicts(where: {consensus: "cat"}) { imageId image { label } predictions { model } } }'
    async with connected(api) as socket:
        await socket.subscribe(query)
        await until(1, api)
        api.context.live.apply_verdict(told(uuid4(), consensus="dog"))
        api.context.live.apply_verdict(told(one.image_id))
        said = await socket.next()
        assert (said["type"], said["id"]) == ("next", "1")
        assert said["payload"]["data"]["verdicts"] == {
            "imageId": str(one.image_id),
            "image": {"label": None},
            "predictions": [{"model": "resnet50"}],
        }
        await socket.socket.send_json({"id": "1", "type": "complete"})
        await until(0, api)


async def test_who_leaves_is_forgotten(api: Api) -> None:
    async with connected(api) as socket:
        await socket.subscribe("{ verdicts { imageId } }")
        await until(1, api)
    await until(0, api)


async def test_who_is_too_slow_is_told_so(api: Api) -> None:
    async with connected(api) as socket:
        await socket.subscribe("{ verdicts { imageId } }")
        await until(1, api)
        for _ in range(300):  # without a pause: nothing is read in between
            api.context.live.apply_verdict(told(uuid4()))
        said = await socket.next()
        while said["payload"].get("data"):
            said = await socket.next()
        assert said["payload"]["errors"][0]["extensions"]["code"] == "too-slow"
        assert (await socket.next())["type"] == "complete"


async def test_who_answers_no_ping_is_gone(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "PING_S", 0.2)
    async with api.client.ws_connect("/graphql", protocols=["graphql-transport-ws"], autoping=False) as socket:
        await socket.send_json({"type": "connection_init"})
        assert (await socket.receive_json())["type"] == "connection_ack"
        await Socket(socket).subscribe("{ verdicts { imageId } }")
        await until(1, api)
        await until(0, api)


async def test_a_server_that_stops_says_so(servers: Stack) -> None:
    async with AsyncExitStack() as stack, asyncio.timeout(20):
        api = await stack.enter_async_context(running(Settings.load(servers.environ)))
        socket = await api.client.ws_connect("/graphql", protocols=["graphql-transport-ws"])
        await socket.send_json({"type": "connection_init"})
        await Socket(socket).subscribe("{ verdicts { imageId } }")
        await until(1, api)
        stopping = asyncio.create_task(api.client.server.close())
        while (await socket.receive()).data != WSCloseCode.GOING_AWAY:
            pass
        await stopping


async def test_a_wrong_subscription_is_an_error(api: Api) -> None:
    async with connected(api) as socket:
        await socket.subscribe("{ nothing { imageId } }")
        said = await socket.next()
        assert said["type"] == "error"
        assert "nothing" in said["payload"][0]["message"]
        await socket.subscribe("{ verdicts(where: {disagreement: 7}) { imageId } }", "2")
        assert "disagreement" in str(await socket.next())


async def test_pages_of_others_open_no_connection(api: Api) -> None:
    headers = {"Origin": "https://evil.example", "Upgrade": "websocket", "Connection": "Upgrade"}
    headers |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw=="}
    headers |= {"Sec-WebSocket-Protocol": "graphql-transport-ws"}
    async with api.client.get("/graphql", headers=headers) as answer:
        assert answer.status == 403
    headers["Origin"] = api.url
    async with api.client.ws_connect("/graphql", protocols=["graphql-transport-ws"], headers={"Origin": api.url}) as ws:
        assert ws.protocol == "graphql-transport-ws"


@pytest.mark.parametrize(
    "message",
    [
        *("[]", "1", "{}", "x", "[" * 5000, '{"type": 1}', '{"type": "' + "é" * 300 + '"}'),
        '{"id": [], "type": "subscribe"}',
        '{"id": "1", "type": "subscribe", "payload": 1}',
        '{"id": "1", "type": "subscribe", "payload": {}}',
        '{"id": "1", "type": "subscribe", "payload": {"query": 1}}',
        '{"id": "1", "type": "subscribe", "payload": {"query": "{ models { model } }", "variables": []}}',
    ],
)
async def test_a_message_that_is_none_closes_the_connection(api: Api, message: str) -> None:
    async with connected(api) as socket:
        await socket.socket.send_str(message)
        closed = await socket.socket.receive(timeout=10)
        assert (closed.data, socket.socket.close_code) == (4400, 4400)
