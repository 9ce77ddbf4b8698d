from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dash_ui import figures, lines
from dash_ui.lines import HEIGHT, LEFT, TOP, WIDTH, ceiling
from dash_ui.past import Moment
from dash_ui.texts import ms
from dash_ui.tree import Element
from tests.unit.dash_ui.pieces import components, text


def drawn(moments: list[Moment], share: bool = False) -> dict[str, list[str]]:
    """The paths of a chart of one model, by kind."""
    chart = lines.chart({"m": moments}, ["m"], 10, "1 h ago", ms, share)
    paths = [part.props for part in components(chart) if part.tag == "path"]
    return {kind: [path["d"] for path in paths if path["className"] == kind] for kind in ("line", "band")}


def test_the_newest_is_at_the_right_and_more_is_higher() -> None:
    (line,) = drawn([Moment(ago, (9.0 - ago) / 9 * 10) for ago in range(9, -1, -1)])["line"]
    points = [tuple(map(float, point.split(" "))) for point in line[1:].split("L")]
    (x1, y1), (x2, y2) = points[0], points[-1]
    assert (x1, x2) == (LEFT, WIDTH - lines.RIGHT)
    assert (y1, y2) == (HEIGHT - lines.BOTTOM, TOP)


def test_a_long_gap_breaks_the_line_and_a_short_one_does_not() -> None:
    assert drawn([Moment(9, 1.0), Moment(8, 1.0), Moment(2, 1.0), Moment(1, 1.0)])["line"][0].count("M") == 2
    assert drawn([Moment(9, 1.0), Moment(7, 1.0)])["line"][0].count("M") == 1


def test_a_moment_alone_is_a_dot_and_its_interval_a_line() -> None:
    alone, many = Moment(5, 1.0, 0.5, 1.5), [Moment(1, 1.0, 0.5, 1.5), Moment(0, 1.0, 0.5, 1.5)]
    chart = lines.chart({"m": [alone, *many]}, ["m"], 10, "1 h ago", ms)
    (dot,) = (part.props for part in having_tag(chart, "circle"))
    path = next(part.props for part in having_tag(chart, "path") if part.props["className"] == "line")
    assert dot["className"] == "mark-dot"
    assert dot["fill"] == path["stroke"] == figures.colour("m", ["m"])
    x, y = dot["cx"], dot["cy"]
    assert LEFT < x < WIDTH - lines.RIGHT
    interval, line = path["d"].split("M")[1:]
    (x1, y1), (x2, y2) = (tuple(map(float, point.split(" "))) for point in interval.split("L"))
    assert x1 == x2 == x
    assert y1 > y > y2, "from low to high"
    assert line.count("L") == 1


def test_a_moment_alone_without_an_interval_is_seen_too() -> None:
    chart = lines.chart({"m": [Moment(5, 1.0)]}, ["m"], 10, "1 h ago", ms)
    (dot,) = (part.props for part in having_tag(chart, "circle"))
    assert dot["r"] > 0


def having_tag(chart: Element, tag: str) -> list[Any]:
    return [part for part in components(chart) if part.tag == tag]


def test_a_band_goes_up_one_way_and_back_the_other() -> None:
    (band,) = drawn([Moment(9, 2.0, 1.0, 3.0), Moment(8, 2.0, 1.0, 3.0)])["band"]
    assert band.count("L") == 3
    assert band.endswith("Z")
    assert drawn([Moment(9, 2.0)])["band"] == []


def test_a_share_goes_to_one_and_an_empty_chart_says_so() -> None:
    chart = lines.chart({"m": [Moment(0, 0.3)]}, ["m"], 10, "1 h ago", ms, share=True)
    assert "1.0" in text(chart)
    assert "m: 0.3" in chart.props["aria-label"]
    assert "Nothing was measured" in text(lines.chart({}, [], 10, "", ms))


@given(st.floats(1e-6, 1e9))
def test_the_scale_holds_the_highest_and_wastes_at_most_half(highest: float) -> None:
    assert highest <= ceiling(highest) * (1 + 1e-9)
    assert ceiling(highest) <= 2.0001 * highest
