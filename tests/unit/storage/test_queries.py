import pytest

from streamapp.storage.queries import READ, WRITE, parse


def test_queries_are_split_at_their_names() -> None:
    text = "-- a file\n\n-- name: one\n-- why\nSELECT 1;\n\n-- name: two\nSELECT\n  2;\n"
    assert parse(text) == {"one": "-- why\nSELECT 1;", "two": "SELECT\n  2;"}


@pytest.mark.parametrize("text", ["-- name: one\n\n", "-- name: one\nSELECT 1;\n-- name: one\nSELECT 2;\n"])
def test_an_empty_or_repeated_query_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="one"):
        parse(text)


def test_the_projects_queries_are_there() -> None:
    assert {"insert_pending", "record_prediction", "record_verdict"} <= WRITE.keys()
    assert {"newest_images", "newest_verdicts", "count_outcomes"} <= READ.keys()
