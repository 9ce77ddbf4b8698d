from datetime import UTC, datetime, timedelta

from dash_ui import changes, lines
from dash_ui.past import Moment, Window
from tests.unit.dash_ui.pieces import components, having, text

WINDOW = Window("1m", 60, 60)
BEGIN = datetime(2026, 7, 1, 12, tzinfo=UTC)


def answer(*minutes: float) -> dict[str, object]:
    """Changes so many minutes after the window begins."""
    found = [
        {
            "model": "resnet50",
            "at": (BEGIN + timedelta(minutes=each)).isoformat(),
            "version": str(number),
            "before": None,
        }
        for number, each in enumerate(minutes)
    ]
    return {"changes": found}


def test_only_changes_of_the_window_are_marked_and_those_of_this_moment_at_its_end() -> None:
    marks = changes.marks(answer(-0.5, 0, 30, 59.7, 61), WINDOW, BEGIN)
    assert [place for _, place, _ in marks] == [0, 29, 59]
    assert marks[1][2] == "resnet50: – → 2"


def test_the_newest_changes_are_listed_first_and_not_too_many() -> None:
    found = changes.parse(answer(*range(20)))
    listed = changes.listing(found, ["resnet50"])
    assert len(having(listed, class_="model")) == changes.LISTED
    assert text(listed).startswith("resnet50 – → 19")
    assert changes.listing([], []) is None


def test_the_ask_stays_the_same_for_an_hour() -> None:
    asked = {changes.ask(WINDOW, BEGIN + timedelta(minutes=each)) for each in (1, 30, 59)}
    assert len(asked) == 1
    assert dict(asked.pop().params)["since"] == (BEGIN - timedelta(hours=1)).isoformat()


def test_a_mark_has_the_colour_of_its_model_and_says_what_happened() -> None:
    series = {"resnet50": [Moment(1, 5.0), Moment(0, 6.0)]}
    what = "resnet50: 1 → 2"
    chart = lines.chart(series, ["mobilenet", "resnet50"], 60, "", str, marks=[("resnet50", 30.0, what)])
    by_class = {part.props.get("className"): part for part in components(chart)}
    assert by_class["change"].props["style"]["--model"] == by_class["line"].props["stroke"]
    assert text(by_class["change"]) == what
    assert what in chart.props["aria-label"]
