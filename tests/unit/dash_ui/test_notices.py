from dash_ui import notices
from dash_ui.board import Link
from tests.unit.dash_ui.pieces import having, text


def test_the_banner_names_the_api_and_keeps_the_last_data() -> None:
    words = text(notices.banner(Link("down", "refused"), "http://127.0.0.1:8001", 42))
    assert "The API at http://127.0.0.1:8001 does not answer." in words
    assert "Showing the last data, from 42 s ago." in words


def test_no_banner_while_things_are_well_or_just_interrupted() -> None:
    for state in ("connecting", "live", "reconnecting"):
        assert notices.banner(Link(state), "http://x", 1) == []  # type: ignore[arg-type]


def test_without_any_data_the_banner_does_not_promise_some() -> None:
    assert "There is no data yet." in text(notices.banner(Link("down"), "http://x", None))


def test_one_and_many_untrained_models() -> None:
    assert notices.untrained_note([]) == []
    assert text(notices.untrained_note(["a"])).startswith("a is untrained")
    assert text(notices.untrained_note(["a", "b"])).startswith("a and b are untrained")


def test_each_file_has_a_line_that_says_what_became_of_it() -> None:
    lines = notices.uploads(
        [
            {"name": "a.jpg", "state": "sending"},
            {"name": "b.jpg", "state": "accepted", "image_id": "17"},
            {"name": "c.txt", "state": "refused", "message": "not an image"},
        ]
    )
    assert [text(line) for line in having(lines, class_="upload")] == [
        "a.jpg sending …",
        "b.jpg accepted show its race",
        "c.txt refused: not an image",
    ]
    assert len(having(lines, data_image="17")) == 1
    assert notices.uploads([]) == []


def test_the_empty_page_says_how_to_fill_it() -> None:
    assert "streamapp produce cifar10" in text(notices.waiting(down=False))
    assert "Waiting for the first image" in text(notices.waiting(down=False))
