"""The live view: figures of every partition in one, bounded memory, newest word counts."""

from uuid import UUID, uuid4

import pytest

from streamapp.web import live as module
from streamapp.web.live import LiveView
from tables.aggregates import KEEP_BUCKET_S
from tests.unit.web.messages import bucket, state, verdict

MOMENT = 1_700_000_005.0


class Clock:
    def __init__(self) -> None:
        self.now = MOMENT

    def __call__(self) -> float:
        return self.now


def test_partitions_and_buckets_are_merged() -> None:
    view = LiveView(Clock())
    for partition, moment, count in ((0, MOMENT, 3), (7, MOMENT, 4), (7, MOMENT - 30, 5), (1, MOMENT - 200, 100)):
        view.apply_partial(*bucket("mobilenet", partition, moment, count))
    (minute,), (quarter,) = view.stats(60), view.stats(900)
    assert minute["model_name"] == "mobilenet"
    assert (minute["count"], quarter["count"]) == (12, 112)
    assert minute["avg_latency_ms"] == pytest.approx(4)
    assert minute["accuracy"] is None
    assert minute["throughput_imgs_per_sec"] == pytest.approx(12 / 65)


def test_a_newer_bucket_replaces_the_older_one_of_its_partition_also_after_figures_were_asked() -> None:
    view = LiveView(Clock())
    view.apply_partial(*bucket("mobilenet", 0, MOMENT, 3))
    view.apply_partial(*bucket("mobilenet", 1, MOMENT, 1))
    assert view.stats(60)[0]["count"] == 4
    view.apply_partial(*bucket("mobilenet", 0, MOMENT, 10))
    assert view.stats(60)[0]["count"] == 11


def test_a_tombstone_removes_a_bucket() -> None:
    view = LiveView(Clock())
    key, value = bucket("mobilenet", 0, MOMENT, 3)
    view.apply_partial(key, value)
    view.apply_partial(key, None)
    view.apply_partial(*bucket("mobilenet", 1, MOMENT, 1))
    assert view.stats(60)[0]["count"] == 1


def test_old_buckets_are_dropped_and_never_come_back() -> None:
    clock = Clock()
    view = LiveView(clock)
    old = bucket("mobilenet", 0, MOMENT, 3)
    view.apply_partial(*old)
    clock.now += KEEP_BUCKET_S + 20
    view.apply_partial(*bucket("mobilenet", 1, clock.now, 1))
    view.apply_partial(*old)
    assert len(view._figures._buckets) == 1
    assert view.stats(10_000)[0]["count"] == 1


def test_totals_are_summed_over_partitions_and_never_expire() -> None:
    clock = Clock()
    view = LiveView(clock)
    view.apply_partial(b"total|mobilenet:0", b'{"predictions": 5, "errors": 1}')
    view.apply_partial(b"total|mobilenet:1", b'{"predictions": 7, "errors": 0}')
    view.apply_partial(b"total|mobilenet:1", b'{"predictions": 8, "errors": 0}')
    clock.now += 10 * KEEP_BUCKET_S
    (figures,) = view.stats(60)
    assert (figures["total_predictions"], figures["count"], figures["avg_latency_ms"]) == (13, 0, None)
    view.apply_partial(b"total|mobilenet:0", None)
    assert view.stats(60)[0]["total_predictions"] == 8


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"", b""),
        (b"\xff", b"{}"),
        (b"bucket|x", b"{}"),
        (b"bucket|m:1:1700000000", b"{"),
        (b"total|m:0", b"no"),
        (b"x|y", b"{}"),
    ],
)
def test_a_figure_that_cannot_be_read_is_logged(key: bytes, value: bytes, caplog: pytest.LogCaptureFixture) -> None:
    view = LiveView(Clock())
    view.apply_partial(key, value)
    assert "left out" in caplog.text
    assert view.stats(60) == []


def test_a_model_that_has_answered_nothing_yet_is_in_the_figures_and_untrained_in_words() -> None:
    view = LiveView(Clock())
    view.roster.put(state("efficientnet", trained=False))
    (figures,) = view.stats(60)
    assert (figures["model_name"], figures["trained"], figures["total_predictions"]) == ("efficientnet", False, 0)


def test_verdicts_are_found_whole_and_by_their_predictions() -> None:
    view, one = LiveView(), verdict(uuid4())
    view.apply_verdict(one)
    assert view.verdict(one.image_id) == one
    assert view.prediction(one.predictions[1].prediction_id) == one.predictions[1]
    assert view.verdict(uuid4()) is None
    assert view.prediction(uuid4()) is None


def test_an_amended_verdict_replaces_the_first() -> None:
    view, image_id = LiveView(), uuid4()
    view.apply_verdict(verdict(image_id, ("mobilenet",), complete=False))
    view.apply_verdict(verdict(image_id))
    kept = view.verdict(image_id)
    assert kept is not None and kept.answers == 2


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_VERDICTS", 3)
    monkeypatch.setattr(module, "KEPT_PREDICTIONS", 4)
    view, ids = LiveView(), [UUID(int=number) for number in range(5)]
    for image_id in ids:
        view.apply_verdict(verdict(image_id))
    assert [view.verdict(image_id) is not None for image_id in ids] == [False, False, True, True, True]
    assert (len(view._verdicts), len(view._images)) == (3, 4)


def test_figures_have_the_ensemble_and_are_computed_once_for_many_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    view = LiveView(Clock())
    view.apply_partial(*bucket("ensemble", 0, MOMENT, 0, labelled=4, correct=3))
    figures = view.figures("1m")
    assert figures["window"] == "1m"
    assert figures["ensemble"] == {"accuracy": 0.75, "labelled": 4}
    assert figures["models"] == []
    assert view.figures("1m") is figures
    monkeypatch.setattr(module, "FIGURES_S", 0)
    assert view.figures("1m") is not figures
