"""Buckets count each message once, merge exactly, and the summary says what the API promises."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.aggregates import Bucket, Total, bucket_key, bucket_start, ensemble_summary, summary
from tables.changes import DEAD_LETTER, LABEL, PREDICTION, SHED, Change
from tests.unit.tables.samples import NOON, NOON_S, prediction

START = NOON_S - 3


def bucket(*predictions, model="resnet50", partition=0, start=START):
    result = Bucket(model, partition, start)
    for each in predictions:
        result.apply_prediction(each)
    return result


def answer(offset, **fields):
    return Change("resnet50", START, PREDICTION, offset, predictions=1, prediction=prediction(**fields))


def test_a_bucket_starts_at_a_multiple_of_ten_seconds():
    assert bucket_start(NOON) == bucket_start(NOON_S + 6.999) == START
    assert bucket_start(NOON_S + 7) == START + 10
    assert (
        bucket_key("mobilenet-int8", 7, START) == f"mobilenet-int8:7:{START}" == Bucket("mobilenet-int8", 7, START).key
    )


def test_a_bucket_counts_answers_times_and_confidence():
    both = bucket(prediction(confidence=0.75, inference_ms=8.0), prediction(confidence=0.5, inference_ms=4.0))
    assert (both.predictions, both.confidence, both.trained) == (2, 1.25, True)
    assert both.stages["inference_ms"].mean == 6.0
    assert both.stages["queue_ms"].count == 2


def test_an_inference_outside_the_lane_is_counted_and_not_compared():
    both = bucket(prediction(inference_ms=8.0), prediction(inference_ms=80.0, lane="bypassed"))
    assert (both.predictions, both.bypassed, both.stages["inference_ms"].count) == (2, 1, 1)
    assert both.stages["total_ms"].count == 2
    assert summary([both], {}, 60, NOON_S)[0]["avg_latency_ms"] == 8.0


def test_a_message_counts_once_per_source():
    counted = Bucket("resnet50", 0, START)
    assert counted.apply([answer(5)])
    assert not counted.apply([answer(5)])
    assert not counted.apply([answer(4)])
    assert counted.apply([Change("resnet50", START, LABEL, 2, labelled=1, correct=1)])
    assert counted.apply([Change("resnet50", START, DEAD_LETTER, 0, errors=1)])
    assert (counted.predictions, counted.labelled, counted.correct, counted.errors) == (1, 1, 1, 1)


def test_every_change_of_one_message_counts():
    counted = Bucket("ensemble", 0, START)
    counted.apply([Change("ensemble", START, "t", 9, predictions=1), Change("ensemble", START, "t", 9, labelled=1)])
    assert (counted.predictions, counted.labelled) == (1, 1)


def test_a_bucket_of_one_answer_is_small():
    counted = Bucket("resnet50", 0, START)
    counted.apply([answer(5)])
    assert len(counted.to_json()) < 400


def test_totals_count_once_and_keep_their_offsets():
    total = Total("mobilenet", 3)
    assert total.apply([answer(5)])
    assert not total.apply([answer(5)])
    total.apply([Change("mobilenet", START, DEAD_LETTER, 1, errors=1)])
    total.apply([Change("mobilenet", START, SHED, 1, shed=1)])
    assert Total.from_json("mobilenet:3", total.to_json()) == total
    assert (total.key, total.figures()) == ("mobilenet:3", {"predictions": 1, "errors": 1, "shed": 1})


changes = st.builds(
    lambda ms, confidence, lane, trained: prediction(
        inference_ms=ms, queue_ms=ms / 3, confidence=confidence, lane=lane, trained=trained
    ),
    st.floats(0, 1e5),
    st.floats(0, 1),
    st.sampled_from(["held", "bypassed", "off"]),
    st.booleans(),
)


@given(st.lists(changes, max_size=20), st.lists(changes, max_size=20))
def test_merged_parts_are_the_whole_in_any_order(left, right):
    merged, other_way = bucket(*left), bucket(*right)
    merged.merge(bucket(*right))
    other_way.merge(bucket(*left))
    assert merged == other_way == bucket(*left, *right)


@given(st.lists(changes, max_size=20), st.integers(-2, 5), st.integers(-1, 5))
def test_json_keeps_everything(answers, labelled, errors):
    whole = bucket(*answers)
    whole.apply([Change("resnet50", START, SHED, 0, shed=3)])
    whole.apply_error(errors)
    whole.relabel(labelled, labelled)
    whole.last_offset = {"p": 12, "l": 0}
    assert Bucket.from_json(whole.to_json()) == whole


# -- summary ---------------------------------------------------------------------------------------


def test_the_summary_has_the_promised_names_and_figures():
    early = bucket(prediction(inference_ms=8.0, confidence=0.5), partition=1, start=START - 50)
    late = bucket(*[prediction(inference_ms=4.0, confidence=1.0)] * 3)
    late.relabel(3, 2)
    late.apply_error()
    late.apply([Change("resnet50", START, SHED, offset, shed=1) for offset in (0, 1)])
    (figures,) = summary([early, late], {"resnet50:0": {"predictions": 30, "errors": 1}}, 60, NOON_S)
    stages = figures.pop("stages")
    assert figures == {
        "model_name": "resnet50",
        "avg_latency_ms": 5.0,
        "avg_confidence": 0.875,
        "accuracy": 2 / 3,
        "throughput_imgs_per_sec": 4 / 63,
        "capacity_imgs_per_sec": 200.0,
        "total_predictions": 30,
        "count": 4,
        "errors": 1,
        "shed": 2,
        "labelled": 3,
        "correct": 2,
        "trained": True,
    }
    assert set(stages) == {"queue", "fetch", "preprocess", "lane", "inference", "total"}
    assert set(stages["inference"]) == {"p50", "p95", "p99", "mean"}
    assert stages["inference"]["p50"] == pytest.approx(4.0, rel=0.01)
    assert stages["inference"]["mean"] == 5.0


def test_the_window_begins_with_the_bucket_that_it_touches():
    inside, outside = bucket(prediction(), start=START - 60), bucket(prediction(), start=START - 70)
    (figures,) = summary([inside, outside], {}, 60, NOON_S)
    assert (figures["count"], figures["throughput_imgs_per_sec"]) == (1, 1 / 63)


def test_accuracy_is_null_where_nothing_was_labelled_or_the_weights_are_untrained():
    (figures,) = summary([bucket(prediction(trained=False))], {}, 60, NOON_S)
    assert (figures["accuracy"], figures["trained"], figures["avg_latency_ms"]) == (None, False, 8.0)
    (figures,) = summary([bucket(prediction())], {}, 60, NOON_S)
    assert (figures["accuracy"], figures["trained"]) == (None, True)


def test_a_model_that_is_silent_keeps_its_total_and_has_no_figures():
    totals = {"mobilenet:0": {"predictions": 7, "errors": 0}, "mobilenet:11": {"predictions": 5, "errors": 2}}
    (figures,) = summary([], totals, 60, NOON_S)
    assert (figures["model_name"], figures["total_predictions"], figures["count"]) == ("mobilenet", 12, 0)
    assert figures["avg_latency_ms"] is figures["accuracy"] is figures["capacity_imgs_per_sec"] is None
    assert figures["stages"]["total"] == {"p50": None, "p95": None, "p99": None, "mean": None}


def test_models_are_sorted_and_the_ensemble_is_apart():
    ensemble = Bucket("ensemble", 0, START, predictions=4, labelled=4, correct=3)
    buckets = [bucket(prediction(), model="resnet50"), ensemble, bucket(prediction(), model="efficientnet")]
    assert [figures["model_name"] for figures in summary(buckets, {}, 60, NOON_S)] == ["efficientnet", "resnet50"]
    assert ensemble_summary(buckets, 60, NOON_S) == {"accuracy": 0.75, "labelled": 4}
    assert ensemble_summary(buckets, 60, NOON_S + 3600) == {"accuracy": None, "labelled": 0}


def test_the_summary_can_be_json():
    json.dumps(summary([bucket(prediction(timestamp=NOON + timedelta(seconds=1)))], {}, 60, NOON_S), allow_nan=False)
