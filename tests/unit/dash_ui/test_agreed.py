"""What the dashboard asks for is what the API answers: names that both have, which nothing else compares."""

from datetime import UTC, datetime

import pytest

from dash_ui import alerts, distributions, matrices, past
from dash_ui.client import API
from dash_ui.language import LANGUAGES, catalogue, known, speaking
from dash_ui.pages import images, system
from streamapp import topics
from streamapp.alerts.rules import RULES
from streamapp.storage.comparison import Agreement, CalibrationBin, Confusion, ModelComparison
from streamapp.storage.history import Distribution, StageTimes
from streamapp.web.alerts import Rule, Rules
from streamapp.web.history import BUCKETS_S, Compared, DistributionQuery, Distributions, Minutes
from streamapp.web.images import ImageQuery
from streamapp.web.problems import KINDS
from tests.unit.dash_ui.pieces import text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_problem_and_every_alert_of_the_api_has_words(language: str) -> None:
    assert {name for _, _, name, _ in KINDS} <= {
        key.removeprefix("problem.") for key in catalogue(language) if key.startswith("problem.")
    }
    assert set(alerts.UNITS) == set(RULES)
    assert list(system.TOPICS.values()) == [topics.IMAGES, topics.PREDICTIONS, topics.VERDICTS]
    with speaking(language):
        for rule in RULES:
            alert = {"rule": rule, "subject": "resnet50", "value": 0.72, "limit": 0.5, "text": "as the API says it"}
            assert alerts.sentence(alert) != "as the API says it"
            assert known(f"alerts.{rule}", "") != ""


def test_the_rules_are_read_as_they_are_told() -> None:
    every = Rules(rules=[Rule(rule="lag", on=True, limit=7, window_s=None)], every_s=5, hold_s=15, min_images=50)
    said = text(alerts.rules(every.model_dump(mode="json")))
    assert "Falling behind 7 what is now" in said
    assert "Looked at every 5 s" in said


def test_images_are_filtered_by_what_the_api_knows() -> None:
    assert set(images.FILTERS) | {"before", "limit"} <= ImageQuery.model_fields.keys()


@pytest.mark.parametrize("window", past.WINDOWS.values())
def test_the_buckets_of_the_past_are_the_apis(window: past.Window) -> None:
    assert BUCKETS_S[window.bucket] == window.bucket_s


def test_the_distributions_are_read_as_they_are_told() -> None:
    assert set(distributions.STAGES) == StageTimes.model_fields.keys()
    times = StageTimes(queue=[], fetch=[1.0], preprocess=[1.0], lane=[0.5], inference=[2.0], total=[4.0, 5.0, 6.0])
    models = [Distribution(model="m", predictions=3, stages=times)]
    (read,) = distributions.parse({"models": [each.model_dump(mode="json") for each in models]})
    assert (read.model, read.predictions, read.quantile("total", 0.5), read.quantile("queue", 0.5)) == ("m", 3, 5, None)
    assert "models" in Distributions.model_fields
    for minutes, _ in distributions.MINUTES.values():
        assert DistributionQuery.model_validate({"minutes": minutes}).minutes == minutes


def test_the_comparison_is_read_as_it_is_told() -> None:
    pair = Agreement(model="a", other="b", images=4, same=3)
    model = ModelComparison(
        model="a",
        confusion=[Confusion(label="cat", prediction="dog", images=2)],
        calibration=[CalibrationBin(answers=4, correct=1, confidence=0.75)],
    )
    present = datetime(2026, 11, 23, 12, 34, 56, tzinfo=UTC)
    told = Compared(since=present, until=present, images=5, sampled=True, agreement=[pair], models=[model])
    read = matrices.parse(told.model_dump(mode="json"))
    assert (read.images, read.sampled, read.agree("b", "a"), read.agree("a", "c")) == (5, True, 0.75, None)
    assert read.confusion == {"a": {("cat", "dog"): 2}}
    assert matrices.calibration_error(read.bins["a"]) == 0.5
    for window in past.WINDOWS:
        asked, span = matrices.ask(window), past.WINDOWS[window]
        query = Minutes(minutes=int(dict(asked.params)["minutes"]))
        assert (asked.path, 60 * query.minutes) == (f"{API}/stats/comparison", span.bucket_s * span.count)
