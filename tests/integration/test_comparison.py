"""What models made of the same images: counted by PostgreSQL as a loop over the answers counts it."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import combinations
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from streamapp.records import Prediction, now
from streamapp.settings import Settings
from streamapp.storage.comparison import ModelComparison, compare
from streamapp.storage.rows import Rows
from tests.contract.examples import label, prediction
from tests.support.api import Api, running
from tests.support.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEGIN = datetime(2032, 5, 1, 12, tzinfo=UTC)
END = BEGIN + timedelta(minutes=10)
CLASSES = ("cat", "dog", "truck")
MODELS = ("alpha", "beta", "gamma")
IMAGES = 60


def made_up() -> tuple[list[Prediction], dict[UUID, str]]:
    """Answers of three models, some of them missing, untrained or without a label, and the labels given later."""
    dice = Random(5)
    answers, later = list[Prediction](), dict[UUID, str]()
    for number in range(IMAGES):
        image_id, came_with = uuid4(), dice.choice((*CLASSES, None))
        for model in MODELS:
            facts: dict[str, Any] = {"timestamp": BEGIN + timedelta(seconds=number), "label": came_with}
            facts |= {"prediction": dice.choice(CLASSES), "confidence": dice.choice((0.0, 0.1, 0.55, 0.599, 0.95, 1.0))}
            if dice.random() < 0.9:
                answers.append(prediction(image_id, model, trained=model != "gamma" or number % 2 == 0, **facts))
            answers.append(prediction(image_id, model, run_id="a-replay", **facts))
        if number % 5 == 0:
            later[image_id] = dice.choice(CLASSES)
    return answers, later


def check_model(model: ModelComparison, truths: list[tuple[Prediction, str]]) -> None:
    """Compare with the answers of trained weights and what their images show."""
    mine = [(answer, truth) for answer, truth in truths if answer.model == model.model and answer.trained]
    confusion = {(each.label, each.prediction): each.images for each in model.confusion}
    assert confusion == Counter((truth, answer.prediction) for answer, truth in mine)
    bins = defaultdict[int, list[tuple[float, bool]]](list)
    for answer, truth in mine:
        bins[min(int(answer.confidence * 10), 9)].append((answer.confidence, answer.prediction == truth))
    found = [(each.answers, each.correct, pytest.approx(each.confidence)) for each in model.calibration]
    assert found == [
        (len(each), sum(right for _, right in each), sum(confidence for confidence, _ in each) / len(each))
        for _, each in sorted(bins.items())
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(servers: Stack) -> AsyncIterator[Api]:
    async with running(Settings.load(servers.environ)) as api:
        yield api


async def test_it_is_what_a_loop_counts(api: Api) -> None:
    answers, later = made_up()
    labels = [label(image_id, "cat") for image_id in later] + [label(each, name, 1) for each, name in later.items()]
    outside = prediction(uuid4(), "alpha", timestamp=END, label="cat")
    await api.context.db.store(Rows(predictions=[*answers, outside], labels=labels))
    live = [answer for answer in answers if answer.run_id == "live"]
    found = await compare(api.context.db, BEGIN, END)
    assert (found.images, found.sampled) == (len({answer.image_id for answer in live}), False)

    said: dict[UUID, dict[str, str]] = defaultdict(dict)
    for answer in live:
        said[answer.image_id][answer.model] = answer.prediction
    both = {pair: [each for each in said.values() if set(pair) <= each.keys()] for pair in combinations(MODELS, 2)}
    assert {(each.model, each.other): (each.images, each.same) for each in found.agreement} == {
        (one, other): (len(each), sum(answer[one] == answer[other] for answer in each))
        for (one, other), each in both.items()
    }
    assert [each.model for each in found.models] == list(MODELS)
    truths = [(answer, truth) for answer in live if (truth := later.get(answer.image_id, answer.label))]
    for model in found.models:
        check_model(model, truths)

    newest = await compare(api.context.db, BEGIN, END, most=6)
    assert newest.sampled
    assert 2 <= newest.images <= 3, "the newest six answers"


async def test_the_last_minutes_are_compared(api: Api) -> None:
    image_id, other = uuid4(), uuid4()
    recent = {"timestamp": now() - timedelta(seconds=30), "label": "cat", "confidence": 0.75}
    rows = [
        prediction(image_id, "delta", prediction="cat", **recent),
        prediction(image_id, "epsilon", prediction="dog", **recent),
        prediction(other, "delta", **recent | {"timestamp": now() - timedelta(minutes=5)}),
    ]
    await api.context.db.store(Rows(predictions=rows))
    said = await api.get("stats/comparison?minutes=1")
    assert {"model": "delta", "other": "epsilon", "images": 1, "same": 0} in said["agreement"]
    models = {model["model"]: model for model in said["models"]}
    assert models["delta"] == {
        "model": "delta",
        "confusion": [{"label": "cat", "prediction": "cat", "images": 1}],
        "calibration": [{"answers": 1, "correct": 1, "confidence": 0.75}],
    }
    assert datetime.fromisoformat(said["until"]) - datetime.fromisoformat(said["since"]) == timedelta(minutes=1)
    for minutes in ("0", "1441", "x"):
        async with api.client.get(f"/api/v1/stats/comparison?minutes={minutes}") as answer:
            assert answer.status == 400
