"""The messages on the topics: what goes in comes out, and what is not a message is refused, whatever it is."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamapp.errors import RecordError
from streamapp.records import (
    DeadLetter,
    ImageMessage,
    LabelMessage,
    Prediction,
    Record,
    Tick,
    Verdict,
    base64_text,
    names,
    now,
    prediction_id,
)
from streamapp.serving import ModelState, ReloadOrder
from tests.support.messages import images, json_values, others, predictions, verdicts

IMAGE_ID = UUID("6f9f1f3e-58a5-4b5e-9c55-0d7c1b1a2d3c")
KINDS = (ImageMessage, Prediction, Verdict, LabelMessage, DeadLetter, ModelState, ReloadOrder, Tick)


@given(st.one_of(images, predictions, verdicts, others))
def test_a_message_survives_the_topic(record: Record) -> None:
    assert type(record).decode(record.encode()) == record


@given(st.sampled_from(KINDS), st.none() | st.binary(max_size=60))
def test_bytes_that_are_no_message_raise_record_error_alone(kind: type[Record], value: bytes | None) -> None:
    with pytest.raises(RecordError, match=kind.__name__):
        kind.decode(value)


@given(st.sampled_from(KINDS), json_values)
def test_json_that_is_no_message_raises_record_error_alone(kind: type[Record], value: Any) -> None:
    with pytest.raises(RecordError, match=kind.__name__):
        kind.decode(json.dumps(value).encode())


@given(st.one_of(images, predictions, verdicts), st.data())
def test_a_message_with_one_field_changed_is_read_or_raises_record_error(record: Record, data: st.DataObject) -> None:
    message = json.loads(record.encode())
    message[data.draw(st.sampled_from(sorted(message)))] = data.draw(json_values)
    try:
        decoded = type(record).decode(json.dumps(message).encode())
    except RecordError:
        return
    assert type(record).decode(decoded.encode()) == decoded


@pytest.mark.parametrize(
    "value",
    [b"[" * 100_000, b'{"image_id":' * 5_000, b"9" * 100_000, b'{"partition":1e999}', b"\xff\xfe", b'{"a":"\\ud800"}'],
    ids=["nested list", "nested object", "long number", "infinite", "not UTF-8", "lone surrogate"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_hostile_json_raises_record_error_alone(kind: type[Record], value: bytes) -> None:
    with pytest.raises(RecordError, match=kind.__name__):
        kind.decode(value)


def test_the_error_names_the_field() -> None:
    with pytest.raises(RecordError, match=r"^LabelMessage: image_id: "):
        LabelMessage.decode(b'{"image_id": "x", "label": "cat", "by": "me", "timestamp": "2026-11-22T00:00:00Z"}')


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(RecordError, match=r"^Tick: timestamp: "):
        Tick.decode(b'{"partition": 1, "timestamp": "2026-11-22T00:00:00"}')


def test_unknown_fields_are_ignored_so_that_fields_may_be_added() -> None:
    tick = Tick(partition=3, timestamp=now())
    message = json.loads(tick.encode()) | {"added_later": {"a": 1}}
    assert Tick.decode(json.dumps(message).encode()) == tick


def test_an_image_message_has_the_agreed_names_and_leaves_out_what_is_absent() -> None:
    image = ImageMessage(
        image_id=IMAGE_ID,
        minio_path=f"raw-images/2026/11/22/{IMAGE_ID}.jpg",
        timestamp=now(),
        content_type="image/jpeg",
        sha256="0" * 64,
    )
    agreed = {"image_id", "minio_path", "timestamp", "source", "content_type", "sha256"}
    assert set(json.loads(image.encode())) == agreed
    assert set(json.loads(image.model_copy(update={"label": "cat", "camera_id": "0"}).encode())) == agreed | {
        "label",
        "camera_id",
    }


def test_predictions_and_verdicts_have_the_agreed_names() -> None:
    assert {
        *("prediction_id", "image_id", "model", "model_version", "prediction", "confidence", "top_k", "timestamp"),
        *("label", "queue_ms", "fetch_ms", "preprocess_ms", "inference_ms", "total_ms"),
    } <= set(Prediction.model_fields)
    assert {
        *("image_id", "answers", "fastest", "most_confident", "consensus", "agreement", "ensemble"),
        *("disagreement", "complete"),
    } <= set(Verdict.model_fields)
    assert {"stage", "reason", "error", "topic", "partition", "offset", "timestamp", "value"} <= set(
        DeadLetter.model_fields
    )


def test_a_prediction_has_the_same_id_on_every_try_and_in_every_release() -> None:
    assert prediction_id(IMAGE_ID, "resnet50") == UUID("13730492-131a-50d4-b5fb-466781305880")
    assert prediction_id(IMAGE_ID, "resnet50", "live") == prediction_id(IMAGE_ID, "resnet50")


def test_another_image_model_or_run_has_another_prediction_id() -> None:
    ids = {
        prediction_id(IMAGE_ID, "resnet50"),
        prediction_id(IMAGE_ID, "mobilenet"),
        prediction_id(IMAGE_ID, "resnet50", "replay-1"),
        prediction_id(UUID(int=1), "resnet50"),
    }
    assert len(ids) == 4


@pytest.mark.parametrize(("value", "encoded"), [(None, ""), (b"", ""), (b"\x00\xff", "AP8=")])
def test_the_original_value_of_a_dead_letter_is_base64(value: bytes | None, encoded: str) -> None:
    assert base64_text(value) == encoded


def test_a_list_of_names_may_have_blanks() -> None:
    assert names(" a, b ,,c ") == ["a", "b", "c"]
    assert names("") == []
