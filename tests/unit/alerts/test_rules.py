"""The rules: which figures are bad, from when on, and what is not known says nothing."""

from typing import Any
from uuid import uuid4

import pytest

from streamapp.alerts.disagreement import MOST_CAMERAS, Disagreement
from streamapp.alerts.hold import Hold
from streamapp.alerts.rules import CLEAR, RULES, Measured, Reading, readings, sentence
from streamapp.alerts.service import webhook
from streamapp.errors import SettingsError
from streamapp.settings import Settings
from tests.unit.web.messages import verdict

SETTINGS = Settings(alert_min_images=10)


def model(count: int, errors: int = 0, p95: float | None = 100.0, name: str = "mobilenet") -> dict[str, Any]:
    return {"model_name": name, "count": count, "errors": errors, "stages": {"total": {"p95": p95}}}


def values(measured: Measured, settings: Settings = SETTINGS) -> dict[tuple[str, str], float | None]:
    return {reading.key: reading.value for reading in readings(measured, settings)}


def test_disagreement_is_a_rate_over_all_and_of_each_camera() -> None:
    found = values(Measured(disagreement={"": (20, 5), "door": (20, 15), "yard": (9, 9)}))
    assert found == {
        ("disagreement", "all"): 29 / 49,
        ("camera-disagreement", "door"): 0.75,
        ("camera-disagreement", "yard"): None,
    }
    assert values(Measured()) == {("disagreement", "all"): None}


def test_latency_and_errors_of_each_model() -> None:
    found = values(Measured(models=[model(100, 10, 2500.0), model(9, name="resnet50"), model(0, 20, name="dead")]))
    assert found["latency", "mobilenet"] == 2500
    assert found["errors", "mobilenet"] == 10 / 110
    assert found["latency", "resnet50"] is found["errors", "resnet50"] is None
    assert (found["latency", "dead"], found["errors", "dead"]) == (None, 1.0)


def test_lag_and_silence_are_taken_as_they_are() -> None:
    found = values(Measured(lags={"streamapp-stats": 3}, silent_s={"door": 61.5}))
    assert (found["lag", "streamapp-stats"], found["camera-silent", "door"]) == (3, 61.5)


def test_a_limit_of_nothing_switches_its_rule_off() -> None:
    off = {f"alert_{name}": 0 for name in ("disagreement", "latency_ms", "error_rate", "lag", "camera_silent_s")}
    whole = Measured({"door": (50, 50)}, [model(100)], {"streamapp-stats": 9}, {"door": 99.0})
    assert {rule for rule, _ in values(whole)} == set(RULES)
    assert readings(whole, Settings(**off)) == []


@pytest.mark.parametrize(
    ("value", "bad"),
    [(None, None), (100.0, True), (150.0, True), (99.9, None), (80.0, None), (79.9, False), (0, False)],
)
def test_between_good_and_bad_there_is_room(value: float | None, bad: bool | None) -> None:
    assert CLEAR == 0.8
    assert Reading("lag", "x", value, 100.0).bad is bad


@pytest.mark.parametrize(
    ("rule", "value", "said"),
    [
        ("disagreement", 0.625, "the models disagree about 62% of the images (limit 50%)"),
        ("camera-disagreement", 0.7, "the models disagree about 70% of the images of door (limit 50%)"),
        ("latency", 2345.6, "95 % of the answers of door take up to 2,346 ms (limit 0 ms)"),
        ("errors", 0.125, "door gives up 12.5% of the images (limit 50.0%)"),
        ("lag", 1520.0, "door is 1,520 messages behind (limit 0)"),
        ("camera-silent", 75.2, "no image of door for 75 s (limit 0 s)"),
    ],
)
def test_every_rule_says_what_is_wrong(rule: Any, value: float, said: str) -> None:
    assert sentence(Reading(rule, "door", value, 0.5)) == said


# -- hysteresis --------------------------------------------------------------------------------------------------------

KEY = ("lag", "x")


def lag(value: float | None) -> list[Reading]:
    return [Reading("lag", "x", value, 100.0)]


def test_it_fires_after_a_while_and_is_over_after_a_while() -> None:
    hold = Hold(10)
    assert hold.step(lag(100), (), (), 0) == ([], {})
    assert hold.step(lag(100), (), (), 9.9) == ([], {})
    assert hold.step(lag(120), (), (), 10) == (lag(120), {})
    assert hold.step(lag(120), [KEY], (), 11) == ([], {})
    assert hold.step(lag(10), [KEY], (), 20) == ([], {})
    assert hold.step(lag(20), [KEY], (), 30) == ([], {KEY: 20})
    assert hold.step(lag(20), (), (), 31) == ([], {})


def test_a_break_begins_the_wait_anew() -> None:
    hold = Hold(10)
    for now, value in ((0, 100), (8, 99), (9, 100), (15, 100), (18.9, 100)):
        assert hold.step(lag(value), (), (), now) == ([], {})
    assert hold.step(lag(100), (), (), 19).fired == lag(100)


def test_a_figure_that_dances_around_its_limit_is_one_alert() -> None:
    hold, fired, firing = Hold(2), 0, set[tuple[str, str]]()
    for now in range(100):
        changes = hold.step(lag(110 if now % 7 < 4 else 85), firing, (), now)
        fired += len(changes.fired)
        firing = (firing | {reading.key for reading in changes.fired}) - set(changes.resolved)
    assert (fired, firing) == (1, {KEY})


def test_what_is_not_known_changes_nothing() -> None:
    hold = Hold(0)
    assert hold.step(lag(None), [KEY], (), 0) == ([], {})
    assert hold.step([], [KEY], ["lag"], 1) == ([], {})
    assert hold.step(lag(None), (), (), 2) == ([], {})


def test_what_is_gone_is_over() -> None:
    hold = Hold(5)
    assert hold.step([], [KEY], (), 0) == ([], {})
    assert hold.step([], [KEY], (), 5) == ([], {KEY: None})


# -- the window of verdicts --------------------------------------------------------------------------------------------


def test_verdicts_are_counted_by_camera_and_leave_the_window() -> None:
    window = Disagreement(60, now=1000)
    window.add(verdict(uuid4(), agreement=1.0), 1000)
    window.add(verdict(uuid4(), agreement=0.5, camera_id="door"), 1000)
    window.add(verdict(uuid4(), agreement=1.0, camera_id="door"), 1040)
    assert window.counts(1050) == {"": (1, 0), "door": (2, 1)}
    assert window.counts(1070) == {"door": (1, 0)}
    assert window.counts(1200) == {}
    assert (window.whole(1059), window.whole(1060)) == (False, True)


def test_races_that_are_not_whole_say_nothing() -> None:
    window = Disagreement(60, now=0)
    window.add(verdict(uuid4(), agreement=0.5, complete=False), 1)
    window.add(verdict(uuid4(), agreement=1.0, answers=1), 1)
    assert window.counts(2) == {}


def test_cameras_that_anybody_can_name_have_a_limit() -> None:
    window = Disagreement(60, now=0)
    for number in range(MOST_CAMERAS + 50):
        window.add(verdict(uuid4(), agreement=0.5, camera_id=str(number)), 1)
    counts = window.counts(2)
    assert len(counts) == MOST_CAMERAS + 1
    assert counts[""] == (50, 50)


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "secret", "said"),
    [
        ("https://example.org/x", "", "STREAMAPP_ALERT_WEBHOOK_SECRET"),
        ("https://example.org/x", "whsec_s3cret", "STREAMAPP_ALERT_WEBHOOK_SECRET begins with whsec_"),
        ("ftp://example.org", "s3cret", "STREAMAPP_ALERT_WEBHOOK_URL must begin with http"),
    ],
)
def test_a_webhook_needs_a_url_and_a_secret(url: str, secret: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        webhook(Settings(alert_webhook_url=url, alert_webhook_secret=secret))
    assert "s3cret" not in str(caught.value)
    assert webhook(Settings()) is None
    assert webhook(Settings(alert_webhook_url="https://example.org/x", alert_webhook_secret="k")) is not None


def test_a_secret_is_not_shown() -> None:
    settings = Settings.load(
        {"STREAMAPP_ALERT_WEBHOOK_URL": "https://example.org/x", "STREAMAPP_ALERT_WEBHOOK_SECRET": "s3cret"}
    )
    assert "s3cret" not in repr(settings)
