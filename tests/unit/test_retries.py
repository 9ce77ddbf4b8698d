"""Messages that are sent again say for whom; whatever their headers hold, nobody else is disturbed by it."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamapp import topics
from streamapp.letters import dead_letter
from streamapp.recorded import GROUP, read, rows
from streamapp.retries import Retry, is_for
from tests.contract.events import FakeEvent, FakeMessage
from tests.contract.examples import image

AT = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


def message(headers: Any, offset: int = 50) -> Any:
    return SimpleNamespace(topic=topics.IMAGES, partition=3, offset=offset, value=b"x", headers=headers)


@given(st.text(max_size=20), st.integers(1, 99), st.integers(0, 2**40), st.none() | st.just(AT))
def test_headers_keep_everything(only: str, tries: int, offset: int, amends: datetime | None) -> None:
    retry = Retry(only, tries, offset, amends)
    assert Retry.of(message(list(retry.headers().items()))) == retry
    assert Retry.of(message(tuple(retry.headers().items()))) == retry


@pytest.mark.parametrize("headers", [None, [], [("image", b"jpeg")], [("only", None), ("tries", None)]])
def test_what_is_sent_the_first_time_is_for_everybody(headers: Any) -> None:
    assert Retry.of(message(headers)) is None
    assert is_for(message(headers), "streamapp-ash")


@given(
    st.dictionaries(st.sampled_from(["tries", "offset", "amends"]), st.none() | st.binary(max_size=12)),
    st.binary(max_size=9),
)
def test_a_history_that_cannot_be_read_changes_nobody_it_is_for(headers: dict[str, bytes | None], only: bytes) -> None:
    found = Retry.of(message([*headers.items(), ("only", only)]))
    assert found is not None
    assert found.tries >= 1
    assert not is_for(message([*headers.items(), ("only", only)]), "streamapp-ash")


def test_a_time_without_a_zone_is_no_time() -> None:
    headers = Retry("streamapp-ash", 4, 7).headers() | {"amends": b"2026-11-22T12:00:00"}
    assert Retry.of(message(headers.items())) == Retry("streamapp-ash", 1, 50)


def test_a_letter_of_a_retry_goes_on_counting() -> None:
    retried = message(Retry("streamapp-ash", 2, 7, AT).headers().items())
    letter = dead_letter(retried, group="streamapp-ash", stage="inference", reason="model-failed", error="again")
    assert (letter.tries, letter.amends, letter.offset) == (3, AT, 50)
    first = dead_letter(message(None), group="streamapp-ash", stage="inference", reason="model-failed", error="x")
    assert (first.tries, first.amends) == (1, None)


# -- the recorder ----------------------------------------------------------------------------------


def event(headers: Any, offset: int = 50) -> FakeEvent:
    return FakeEvent(FakeMessage(topics.IMAGES, 3, offset, image().encode(), headers), [])


def test_the_recorder_leaves_alone_what_is_for_a_model() -> None:
    item = read(event(Retry("streamapp-ash", 1, 7).headers().items()))
    assert (item.record, item.letter) == (None, None), "the image is recorded where all have read it"


def test_an_original_in_the_headers_takes_room_too() -> None:
    assert read(event([("image", b"x" * 9 * 16 * 1024), ("only", None)])).weight >= 10
    assert read(event(None)).weight == 1


def test_what_is_sent_again_for_the_recorder_is_recorded_where_all_have_read_it() -> None:
    [placed] = rows([read(event(Retry(GROUP, 1, 7).headers().items()))]).images
    assert (placed.partition, placed.offset) == (3, 7)
    [placed] = rows([read(event(None))]).images
    assert (placed.partition, placed.offset) == (3, 50)
