"""The ledger and the dead letters over HTTP, on real stores and a real broker."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from streamapp import topics
from streamapp.records import DeadLetter, base64_text
from streamapp.retries import Retry
from streamapp.settings import Settings
from streamapp.storage.rows import Rows
from tests.contract.examples import dead_letter, image
from tests.support.api import Api, running
from tests.support.oracle import Oracle
from tests.support.stack import Stack


@pytest.fixture
async def api(servers: Stack) -> AsyncIterator[Api]:
    async with running(Settings.load(servers.environ)) as api:
        yield api


@pytest.fixture
def reason() -> str:
    """A reason of this test's own: others leave letters in the same database."""
    return f"test-{uuid4().hex[:8]}"


async def put(api: Api, reason: str, count: int = 1, **fields: Any) -> list[dict[str, Any]]:
    """Store letters of a model that takes part, each with a message of its own; as the API lists them, oldest first."""
    letters = []
    for _ in range(count):
        message = image()
        plain = {"image_id": message.image_id, "model": "resnet50", "value": base64_text(message.encode())}
        where = {"topic": topics.IMAGES, "partition": 3, "offset": uuid4().int % 2**40}
        letters.append(DeadLetter.model_validate({**dict(dead_letter()), **plain, **where, "reason": reason, **fields}))
    await api.context.db.store(Rows(dead_letters=letters))
    listed: list[dict[str, Any]] = (await api.get(f"dead-letters?reason={reason}"))["dead_letters"]
    return listed[::-1]


async def post(api: Api, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    async with api.client.post(f"/api/v1/dead-letters/{path}", json=body) as answer:
        return answer.status, await answer.json()


# -- the ledger ------------------------------------------------------------------------------------


async def test_the_ledger_has_both_sides_of_every_model(api: Api) -> None:
    answer = await api.get("ledger?missing=3")
    assert [account["model"] for account in answer["models"]] == ["efficientnet", "mobilenet", "resnet50"]
    for account in answer["models"]:
        assert account["accepted"] == sum(account[kind] for kind in ("predicted", "dead", "shed", "in_flight"))
        assert set(account["stream"]) == {"committed", "end", "lag"}
        assert set(account["live"]) == {"predictions", "errors", "shed", "agrees"}
        assert len(account["missing"]) <= 3
    assert set(answer["lags"]) == {
        *("streamapp-efficientnet", "streamapp-mobilenet", "streamapp-resnet50", "streamapp-stats"),
        "streamapp-recorder",
    }


@pytest.mark.parametrize("query", ["missing=-1", "missing=x", "missing=1001"])
async def test_a_wrong_number_is_a_bad_request(api: Api, query: str) -> None:
    async with api.client.get(f"/api/v1/ledger?{query}") as answer:
        assert answer.status == 400
        assert (await answer.json())["errors"][0]["name"] == "missing"


async def test_without_a_database_the_ledger_is_unavailable(api: Api) -> None:
    await api.proxies["database"].cut()
    async with api.client.get("/api/v1/ledger") as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
    await api.proxies["database"].start()
    await api.get("ledger")


# -- letters ---------------------------------------------------------------------------------------


async def test_letters_are_listed_a_page_at_a_time(api: Api, reason: str) -> None:
    letters = await put(api, reason, 5)
    first = await api.get(f"dead-letters?reason={reason}&limit=2")
    assert [letter["id"] for letter in first["dead_letters"]] == [letters[4]["id"], letters[3]["id"]]
    rest = await api.get(f"dead-letters?reason={reason}&limit=200&before={first['next']}")
    assert [letter["id"] for letter in rest["dead_letters"]] == [letter["id"] for letter in letters[2::-1]]
    assert rest["next"] is None
    assert "value" not in first["dead_letters"][0]


async def test_a_letter_is_shown_whole(api: Api, reason: str) -> None:
    [letter] = await put(api, reason)
    whole = await api.get(f"dead-letters/{letter['id']}")
    assert whole["outcome"] == "dead"
    assert letter["image_id"] in whole["text"]
    [binary] = await put(api, f"{reason}-2", value=base64_text(b"\xff\xfe"))
    whole = await api.get(f"dead-letters/{binary['id']}")
    assert (whole["text"], whole["value"]) == (None, "//4=")


@pytest.mark.parametrize(
    "query",
    ["status=lost", "limit=0", "limit=201", "before=x", "since=2026-11-22T12:00:00", "since=yesterday"],
)
async def test_a_wrong_question_is_a_bad_request(api: Api, query: str) -> None:
    async with api.client.get(f"/api/v1/dead-letters?{query}") as answer:
        assert (answer.status, answer.content_type) == (400, "application/problem+json")


@pytest.mark.parametrize("name", ["0", "x", "-1", "9" * 18, "9" * 40, "²"])
async def test_an_unknown_letter_is_not_found(api: Api, name: str) -> None:
    for method, path in (("GET", name), ("POST", f"{name}/retry"), ("POST", f"{name}/discard")):
        async with api.client.request(method, f"/api/v1/dead-letters/{path}") as answer:
            assert answer.status == 404


async def test_a_retry_is_on_its_own_topic_and_partition_for_one_group(api: Api, reason: str) -> None:
    [letter] = await put(api, reason)
    oracle = Oracle(api.context.settings, [])
    since = await oracle.ends(topics.IMAGES)
    status, answer = await post(api, f"{letter['id']}/retry")
    assert (status, answer["status"]) == (202, "retried")
    [sent] = await oracle.wire(since)
    assert (sent.partition, sent.value.decode()) == (3, answer["text"])
    retry = Retry.of(sent)
    assert retry is not None
    assert (retry.only, retry.tries, retry.offset) == ("streamapp-resnet50", 1, letter["offset"])
    status, answer = await post(api, f"{letter['id']}/retry")
    assert (status, answer["title"]) == (409, "The dead letter cannot be settled so")


async def test_what_fits_is_settled_and_the_rest_is_said(api: Api, reason: str) -> None:
    good = await put(api, reason, 2)
    bad = (await put(api, reason, group="streamapp-elm", model="elm"))[-1]
    order = {"reason": reason}
    status, dry = await post(api, "retry", {**order, "dry_run": True})
    assert (status, dry["settled"], dry["next"]) == (200, [letter["id"] for letter in good], None)
    status, answer = await post(api, "retry", order)
    assert (status, answer["settled"]) == (202, dry["settled"])
    assert [refused["id"] for refused in answer["refused"]] == [bad["id"]]
    status, answer = await post(api, "discard", {**order, "model": "elm"})
    assert answer["settled"] == [bad["id"]]
    left = await api.get(f"dead-letters?reason={reason}&status=open")
    assert left["dead_letters"] == []


async def test_very_many_are_settled_a_page_at_a_time(api: Api, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamapp.web.dead_letters.AT_ONCE", 2)
    letters = [letter["id"] for letter in await put(api, reason, 5)]
    settled, where = [], {"after": 0}
    while where["after"] is not None:
        _, page = await post(api, "discard", {"reason": reason, **where})
        settled.append(page["settled"])
        where = {"after": page["next"], "through": page["through"]}
        await put(api, reason, 1)  # a retry that fails again leaves a letter like this one
    assert settled == [letters[:2], letters[2:4], letters[4:]]


@pytest.mark.parametrize("body", [{"modell": "x"}, {"since": "2026-11-22T12:00:00"}, [], {"after": -1}])
async def test_an_order_that_says_something_else_is_a_bad_request(api: Api, body: Any) -> None:
    for path in ("retry", "discard"):
        assert (await post(api, path, body))[0] == 400


async def test_without_a_broker_nothing_is_retried_and_all_stays_open(api: Api, reason: str) -> None:
    [letter] = await put(api, reason)
    api.broker.away = True
    status, _ = await post(api, f"{letter['id']}/retry")
    assert status == 503
    assert (await api.get(f"dead-letters/{letter['id']}"))["status"] == "open"
