"""The models over HTTP: every worker's own word, and the order to look for new weights."""

from datetime import datetime, timedelta
from typing import Any

from streamapp.errors import PublishFailed
from streamapp.records import now
from streamapp.runtime.spec import Accuracy
from streamapp.serving import Reloaded, ReloadError
from streamapp.web import roster as module
from streamapp.web.roster import FORGET_S, SILENT_S, Roster
from tests.unit.web.doubles import make_context, running_api
from tests.unit.web.messages import state

MOMENT = now()


def broker(context: Any) -> Any:
    return context.order.__self__


def reloaded(outcome: str, seconds_ago: float, request_id: str) -> Reloaded:
    at = MOMENT - timedelta(seconds=seconds_ago)
    return Reloaded(outcome=outcome, by="test", request_id=request_id, at=at, seconds=1.5)


def workers(roster: Roster) -> tuple[list[str], int]:
    shown = roster.shown("mobilenet")
    assert shown is not None
    return [each.worker for each in shown.workers], shown.worker_count


def test_the_newest_word_of_a_model_is_its_state() -> None:
    roster = Roster(MOMENT.timestamp)
    roster.put(state(worker="a", timestamp=MOMENT, model_version="2"))
    roster.put(state(worker="b", timestamp=MOMENT - timedelta(seconds=5), model_version="1"))
    roster.put(state("efficientnet", worker="a"))
    assert [(name, one.model_version) for name, one in roster.newest().items()] == [
        ("efficientnet", "1"),
        ("mobilenet", "2"),
    ]


def test_workers_that_are_silent_or_gone_are_not_counted_and_the_last_word_stays() -> None:
    present = MOMENT.timestamp()
    roster = Roster(lambda: present)
    for worker, age in (("a", 0), ("b", SILENT_S - 1), ("c", SILENT_S + 1)):
        roster.put(state(worker=worker, timestamp=MOMENT - timedelta(seconds=age)))
    assert workers(roster) == (["a", "b"], 2)
    roster.remove(state(worker="a").key)
    roster.remove(state(worker="never seen").key)
    assert workers(roster) == (["b"], 1)
    present += FORGET_S
    roster.put(state("efficientnet", worker="a", timestamp=MOMENT + timedelta(seconds=FORGET_S)))
    assert len(roster._workers) == 1, "what dead workers said does not pile up"
    assert workers(roster) == ([], 0)
    assert roster.shown("resnet50") is None
    present += 1
    assert (roster.shown("mobilenet"), [*roster.newest()]) == (None, ["efficientnet"]), "nobody serves it any more"


def test_the_latest_reload_and_error_of_any_worker_are_shown() -> None:
    roster, error = Roster(MOMENT.timestamp), ReloadError(error="it is broken", at=MOMENT)
    roster.put(state(timestamp=MOMENT, worker="a", last_reload=reloaded("failed", 3, "x"), reload_error=error))
    roster.put(state(timestamp=MOMENT, worker="b", last_reload=reloaded("swapped", 1, "y"), model_version="2"))
    shown = roster.shown("mobilenet")
    assert shown and shown.last_reload
    assert (shown.last_reload.request_id, shown.reload_error) == ("y", error)
    assert [each.model_version for each in shown.workers] == ["1", "2"]
    assert [each.reload_error is None for each in shown.workers] == [False, True]


async def test_a_model_says_what_it_serves() -> None:
    context, moment = make_context(), now()
    known = {"sha256": "ab" * 32, "accuracy": Accuracy(0.93, 0.92, 0.94, 10_000), "worker": "host:1"}
    context.live.roster.put(state(timestamp=moment, started_at=moment - timedelta(seconds=90), **known))
    async with running_api(context) as client:
        async with client.get("/api/v1/models") as answer:
            (listed,) = (await answer.json())["models"]
        async with client.get("/api/v1/models/mobilenet") as answer:
            one = await answer.json()
    assert one == listed
    assert one["accuracy"] == {"value": 0.93, "low": 0.92, "high": 0.94, "pictures": 10_000}
    assert (one["sha256"], one["worker_count"], one["uptime_s"]) == ("ab" * 32, 1, 90)
    assert one["workers"][0]["worker"] == "host:1"
    names = {"model", "model_version", "runtime", "precision", "input_size", "parameters", "flops", "weights"}
    assert names | {"trained", "loaded_at", "started_at", "reload_error", "last_reload"} <= set(one)


async def test_what_is_not_known_is_null() -> None:
    context = make_context()
    context.live.roster.put(state())
    async with running_api(context) as client, client.get("/api/v1/models/mobilenet") as answer:
        one = await answer.json()
    assert (one["accuracy"], one["reload_error"], one["last_reload"]) == (None, None, None)


async def test_a_reload_is_ordered_from_every_worker() -> None:
    context = make_context()
    context.live.roster.put(state())
    async with running_api(context) as client:
        headers = {"X-Request-ID": "mine-1"}
        async with client.post("/api/v1/models/mobilenet/reload", headers=headers) as answer:
            assert answer.status == 202
            assert answer.headers["Location"] == "/api/v1/models/mobilenet"
            body = await answer.json()
    (order,) = broker(context).orders
    assert datetime.fromisoformat(body.pop("at")) == order.timestamp
    assert body == {"model": "mobilenet", "request_id": "mine-1", "url": "/api/v1/models/mobilenet"}
    assert (order.model, order.request_id, order.by) == ("mobilenet", "mine-1", "api 127.0.0.1")
    assert now() - order.timestamp < timedelta(seconds=5)


async def test_an_unknown_model_is_not_found_and_nothing_is_ordered() -> None:
    context = make_context()
    context.live.roster.put(state())
    async with running_api(context) as client:
        for call in (client.get("/api/v1/models/nobody"), client.post("/api/v1/models/nobody/reload")):
            async with call as answer:
                assert (answer.status, answer.content_type) == (404, "application/problem+json")
                assert (await answer.json())["detail"] == "there is no model nobody"
    assert broker(context).orders == []


async def test_a_broker_that_is_away_is_said() -> None:
    context = make_context()
    context.live.roster.put(state())
    broker(context).fails = PublishFailed("the broker did not acknowledge a message within 5 s")
    async with running_api(context) as client, client.post("/api/v1/models/mobilenet/reload") as answer:
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
        assert (await answer.json())["type"] == "urn:streamapp:problem:publish-failed"
        assert "Retry-After" in answer.headers


def test_workers_are_silent_only_after_they_have_missed_three_words() -> None:
    from streamapp.roles.model import STATE_INTERVAL_S

    assert 3 * STATE_INTERVAL_S < module.SILENT_S < 4 * STATE_INTERVAL_S
