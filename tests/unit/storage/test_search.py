"""What a text can be the beginning of."""

from uuid import UUID

import pytest

from streamapp.storage.search import ONE_BY_ONE, Search, known, pattern, plain

ID = "0123abcd-4567-89ab-cdef-0123456789ab"


def ids(text: str) -> tuple[UUID, UUID] | None:
    found = [search for search in plain(text) if search.first_id is not None]
    return (found[0].first_id, found[0].last_id) if found else None  # type: ignore[return-value]


@pytest.mark.parametrize("text", [ID, ID.upper(), ID.replace("-", "")])
def test_a_whole_id(text: str) -> None:
    assert ids(text) == (UUID(ID), UUID(ID))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("0123A", "0123a000-0000-0000-0000-000000000000", "0123afff-ffff-ffff-ffff-ffffffffffff"),
        ("0123abcd-", "0123abcd-0000-0000-0000-000000000000", "0123abcd-ffff-ffff-ffff-ffffffffffff"),
        ("0123abcd-4", "0123abcd-4000-0000-0000-000000000000", "0123abcd-4fff-ffff-ffff-ffffffffffff"),
    ],
)
def test_the_beginning_of_an_id(text: str, first: str, last: str) -> None:
    assert ids(text) == (UUID(first), UUID(last))


@pytest.mark.parametrize("text", ["", "-", "cat", "012-3abcd", "0123abcd--4", f"{ID}-", f"{ID}0", "\u0661\u0662"])
def test_what_no_id_begins_with(text: str) -> None:
    assert ids(text) is None


def test_sources_that_begin_so() -> None:
    assert list(plain("U")) == [Search(source="upload"), Search(source="unsplash")]
    assert list(plain("pload")) == []


def test_special_letters_of_patterns_are_plain() -> None:
    assert pattern("50%_\\x") == "50\\%\\_\\\\x%"


def test_known_names_are_searched_by_their_kinds() -> None:
    found = [("cameras", "a"), ("cameras", "b"), ("came_with", "cat"), ("came_with", "car"), ("given", "cat")]
    assert list(known([*found, ("consensus", "cat")])) == [
        Search(cameras=["a", "b"]),
        Search(came_with="cat"),
        Search(came_with="car"),
        Search(given=["cat"]),
        Search(consensus=["cat"]),
    ]
    assert list(known([])) == []


def test_very_many_labels_are_one_search() -> None:
    """An upload may name any label: a letter begins as many of them as somebody has sent."""
    labels = [f"cat-{number}" for number in range(10_000)]
    assert list(known([("came_with", label) for label in labels])) == [Search(came_with_any=labels)]
    few = labels[:ONE_BY_ONE]
    assert list(known([("came_with", label) for label in few])) == [Search(came_with=label) for label in few]
