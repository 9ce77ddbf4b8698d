from dash_ui import uploads
from dash_ui.language import speaking
from tests.unit.dash_ui.pieces import having, text

FILES = [
    {"id": 1, "name": "a.jpg", "state": "sending", "sent": 0.5, "preview": "blob:x"},
    {"id": 2, "name": "b.jpg", "state": "accepted", "image_id": "17"},
    {
        "id": 3,
        "name": "c.txt",
        "state": "refused",
        "problem": "urn:streamapp:problem:unsupported-format",
        "message": "no",
    },
]


def test_each_file_has_a_line_that_says_what_became_of_it_and_refusals_come_first() -> None:
    lines = having(uploads.box(FILES), class_="upload")
    assert [text(line) for line in lines] == [
        "c.txt refused: it is not a JPEG, PNG or WebP image",
        "a.jpg sending 50 %",
        "b.jpg accepted show its race",
    ]
    assert len(having(lines, href="/?pin=17")) == 1
    assert len(having(lines, src="blob:x")) == 1


def test_several_files_have_a_summary_with_one_bar() -> None:
    (summary,) = having(uploads.box(FILES), class_="upload-summary")
    assert text(summary) == "2 of 3 sent · 1 refused"
    assert having(summary, class_="meter")[0].children.style == {"width": "83%"}
    assert having(uploads.box(FILES[:1]), class_="upload-summary") == []


def test_what_the_catalogue_does_not_know_is_said_as_the_api_says_it() -> None:
    file = {"id": 1, "name": "d", "state": "refused", "problem": "urn:x:new-problem", "message": "of a new kind"}
    with speaking("es"):
        assert text(having(uploads.box([file]), class_="upload")) == "d rechazada: of a new kind"


def test_of_hundreds_the_refused_are_among_the_shown() -> None:
    many = [{"id": number, "name": str(number), "state": "accepted", "image_id": "1"} for number in range(200)]
    lines = having(uploads.box([*many, FILES[2]]), class_="upload")
    assert len(lines) == uploads.SHOWN
    assert text(lines[0]).startswith("c.txt")
    assert uploads.box([]) == []
