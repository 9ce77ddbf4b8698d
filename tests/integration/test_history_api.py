"""Figures of the past: buckets of time from what is stored, with the labels that count now."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from streamapp.records import STAGES, Shed, now
from streamapp.settings import Settings
from streamapp.storage.rows import Rows
from streamapp.web.history import HistoryQuery
from tests.contract.examples import dead_letter, label, prediction
from tests.support.api import Api, running
from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOON = datetime(2031, 5, 1, 12, tzinfo=UTC)


def answer(second: float, model: str = "resnet50", **fields: Any) -> Any:
    plain = {"timestamp": NOON + timedelta(seconds=second), "label": None, "lane": "held", "total_ms": second}
    return prediction(uuid4(), model, **{**plain, **fields})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(servers: Stack) -> AsyncIterator[Api]:
    async with running(Settings.load(servers.environ)) as api:
        late = answer(70, label="dog", prediction="cat")
        predictions = [
            answer(0, label="cat", inference_ms=10, confidence=0.5),
            answer(1, label="dog", inference_ms=20, confidence=1.0),
            answer(2, inference_ms=999, lane="bypassed", confidence=0.75),
            answer(3, label="cat", trained=False, inference_ms=30, confidence=0.75),
            answer(4, model="mobilenet"),
            answer(5, run_id="a-replay"),
            late,
        ]
        where = {"model": "resnet50", "timestamp": NOON + timedelta(seconds=61)}
        shed = Shed(image_id=uuid4(), age_ms=1, deadline_ms=1, **where)
        rows = Rows(predictions=predictions, labels=[label(late.image_id, "bird"), label(late.image_id, "cat", 1)])
        rows.shed, rows.dead_letters = [shed], [dead_letter(uuid4().int % 2**40, image_id=uuid4(), **where)]
        await api.context.db.store(rows)
        yield api


async def history(api: Api, query: str) -> list[dict[str, Any]]:
    answer = await api.get(f"stats/history?{query}")
    buckets: list[dict[str, Any]] = answer["buckets"]
    return buckets


async def test_a_bucket_says_what_a_model_did(api: Api) -> None:
    whole = await api.get("stats/history?from=2031-05-01T12:00:30Z&to=2031-05-01T12:05:00Z&bucket=1m&model=resnet50")
    assert (whole["from"], whole["to"], whole["bucket_s"]) == ("2031-05-01T12:00:00Z", "2031-05-01T12:05:00Z", 60)
    first, second = whole["buckets"]
    assert first == {
        "start": "2031-05-01T12:00:00Z",
        "model": "resnet50",
        "predictions": 4,
        "errors": 0,
        "shed": 0,
        "labelled": 2,
        "correct": 1,
        "accuracy": 0.5,
        "avg_confidence": 0.75,
        "avg_latency_ms": 20.0,
        "total_p50_ms": 1.5,
        "total_p95_ms": pytest.approx(2.85),
    }
    assert [second[name] for name in ("predictions", "errors", "shed")] == [1, 1, 1]
    assert second["accuracy"] == 1.0, "the newest label counts, not the one that came along"


async def test_models_and_buckets_are_apart_and_the_end_is_not_in_it(api: Api) -> None:
    ten = await history(api, "from=2031-05-01T12:00:00Z&to=2031-05-01T12:01:10Z&bucket=10s")
    assert [(one["start"][14:19], one["model"]) for one in ten] == [
        ("00:00", "mobilenet"),
        ("00:00", "resnet50"),
        ("01:00", "resnet50"),
    ]
    [mobilenet, resnet50] = await history(api, "from=2031-05-01T12:00:00Z&to=2031-05-01T12:30:00Z&bucket=1h")
    assert (mobilenet["predictions"], resnet50["predictions"]) == (1, 5)
    assert await history(api, "from=2031-05-01T13:00:00Z&to=2031-05-01T12:00:00Z") == []


async def test_without_a_time_it_is_the_last_hour_and_never_more_than_a_thousand_buckets(api: Api) -> None:
    answer = await api.get("stats/history")
    begin, end = datetime.fromisoformat(answer["from"]), datetime.fromisoformat(answer["to"])
    assert timedelta(minutes=59) <= end - begin < timedelta(hours=1)
    long = await api.get("stats/history?from=1970-01-01T00:00:00Z&to=2031-05-01T12:00:00Z&bucket=10s")
    assert long["from"] == "2031-05-01T09:13:30Z"


@pytest.mark.parametrize("bucket", ["10s", "1d"])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_the_ends_of_time_are_no_error(bucket: str, moment: str) -> None:
    for name in ("from", "to"):
        query = HistoryQuery.model_validate({name: moment, "bucket": bucket})
        begin, end = query.span(NOON)
        assert begin.tzinfo is end.tzinfo is not None


async def test_a_minute_is_told_in_seconds(api: Api) -> None:
    found = await history(api, "from=2031-05-01T12:00:00Z&to=2031-05-01T12:00:05Z&bucket=1s&model=resnet50")
    assert [one["start"][17:19] for one in found] == ["00", "01", "02", "03"]


# -- distributions ---------------------------------------------------------------------------------


async def test_how_times_are_distributed(api: Api) -> None:
    model = f"model-{uuid4().hex[:8]}"
    recent = {"model": model, "timestamp": now() - timedelta(seconds=30)}
    times = [
        answer(0, **recent, total_ms=value, queue_ms=1 / 3, lane_ms=value / 4, inference_ms=value / 2)
        for value in (40, 10, 20, 30)
    ]
    beside = answer(0, **recent, total_ms=50, queue_ms=1 / 3, inference_ms=999, lane="bypassed")
    replayed = answer(0, **recent, total_ms=7000, run_id="a-replay")
    older = answer(0, model=model, timestamp=now() - timedelta(minutes=5), total_ms=5000)
    await api.context.db.store(Rows(predictions=[*times, beside, replayed, older]))

    said = await api.get(f"stats/distributions?minutes=2&model={model}")
    since, until = datetime.fromisoformat(said["since"]), datetime.fromisoformat(said["until"])
    assert until - since == timedelta(minutes=2)
    [one] = said["models"]
    assert (one["model"], one["predictions"]) == (model, 5)
    assert {name: len(values) for name, values in one["stages"].items()} == {
        stage.removesuffix("_ms"): 101 for stage in STAGES
    }
    total, inference = one["stages"]["total"], one["stages"]["inference"]
    assert [total[share] for share in (0, 25, 50, 75, 100)] == [10, 20, 30, 40, 50]
    assert (total[10], one["stages"]["queue"][50]) == (14, 0.333)
    assert [one["stages"]["lane"][share] for share in (0, 25, 100)] == [0.5, 2.5, 10], "with the one beside the lane"
    assert (inference[0], inference[50], inference[100]) == (5, 12.5, 20), "without the one beside the lane"

    [whole] = (await api.get(f"stats/distributions?model={model}"))["models"]
    assert (whole["predictions"], whole["stages"]["total"][100]) == (6, 5000)


async def test_every_model_is_there_and_a_stage_of_nothing_has_no_times(api: Api) -> None:
    first, second = sorted(f"model-{uuid4().hex[:8]}" for _ in "ab")
    recent = {"timestamp": now() - timedelta(seconds=1)}
    rows = [answer(0, model=first, lane="bypassed", **recent), answer(0, model=second, **recent)]
    await api.context.db.store(Rows(predictions=rows))
    models = {one["model"]: one for one in (await api.get("stats/distributions?minutes=1"))["models"]}
    assert list(models) == sorted(models)
    assert models[first]["stages"]["inference"] == []
    assert len(models[second]["stages"]["inference"]) == 101
    assert (await api.get("stats/distributions?model=nobody"))["models"] == []


@pytest.mark.parametrize("query", ["minutes=0", "minutes=1441", "minutes=1.5", "window=1m", "model=%00"])
async def test_a_wrong_question_about_distributions_names_its_parameter(api: Api, query: str) -> None:
    async with api.client.get(f"/api/v1/stats/distributions?{query}") as answer:
        problem = await answer.json()
    assert (answer.status, problem["errors"][0]["name"]) == (400, query.partition("=")[0])


# -- changes of versions ---------------------------------------------------------------------------


async def test_when_other_versions_began_to_answer(api: Api) -> None:
    model, other = (f"model-{uuid4().hex[:8]}" for _ in "ab")
    minutes = [(-30, "v1"), (0, "v1"), (10, "v2"), (20, "v2"), (30, "v1"), (40, "v1"), (50, "v3")]
    rows = [answer(60 * minute, model=model, model_version=version) for minute, version in minutes]
    # Two workers change over within seconds of each other, and answers of both come mixed; one swap is undone at once.
    rows += [answer(600 + second, model=model, model_version=f"v{1 + second % 2}") for second in range(1, 20)]
    rows += [answer(60 * 35, model=model, model_version="v2"), answer(60 * 35 + 5, model=model, model_version="v1")]
    rows += [answer(60 * 45, model=model, model_version="v9", run_id="a-replay"), answer(61, other)]
    await api.context.db.store(Rows(predictions=rows))

    span = f"model={model}&since=2031-05-01T12:00:00Z&until="
    whole = await api.get(f"models/changes?{span}2031-05-01T12:51:00Z")
    assert [(one["at"][11:16], one["before"], one["version"]) for one in whole["changes"]] == [
        ("12:50", "v1", "v3"),
        ("12:30", "v2", "v1"),
        ("12:10", "v1", "v2"),
    ]
    assert {one["model"] for one in whole["changes"]} == {model}
    part = await api.get(f"models/changes?{span}2031-05-01T12:50:00Z")
    assert [one["version"] for one in part["changes"]] == ["v1", "v2"], "the end is not in it"
    assert await changes(api, f"model={model}&since=2031-05-01T12:11:00Z&until=2031-05-01T12:29:00Z") == []
    first = await changes(api, f"model={model}&since=2031-05-01T11:00:00Z&until=2031-05-01T12:00:00Z")
    assert [(one["before"], one["version"]) for one in first] == [(None, "v1")]
    every = await changes(api, "since=2031-05-01T12:00:00Z&until=2031-05-01T13:00:00Z")
    assert {model, other} <= {one["model"] for one in every}
    assert every == sorted(every, key=lambda one: one["at"], reverse=True)


async def changes(api: Api, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.get(f"models/changes?{query}"))["changes"]
    return found


async def test_changes_are_told_of_a_day_and_of_a_month_at_most(api: Api) -> None:
    usual = await api.get("models/changes")
    assert datetime.fromisoformat(usual["until"]) - datetime.fromisoformat(usual["since"]) == timedelta(days=1)
    long = await api.get("models/changes?since=0001-01-01T00:00:00Z&until=2031-06-01T00:00:00Z")
    assert long["since"] == "2031-05-01T00:00:00Z"
    early = await api.get("models/changes?until=0001-01-01T00:00:00Z")
    assert early["changes"] == []


@pytest.mark.parametrize("query", ["bucket=2m", "from=yesterday", "to=1", "begin=2031-05-01T12:00:00Z"])
async def test_a_wrong_question_names_its_parameter(api: Api, query: str) -> None:
    async with api.client.get(f"/api/v1/stats/history?{query}") as answer:
        problem = await answer.json()
    assert (answer.status, problem["errors"][0]["name"]) == (400, query.partition("=")[0])
