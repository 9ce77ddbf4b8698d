from hypothesis import given
from hypothesis import strategies as st

from dash_ui.sparks import HEIGHT, POINTS, WIDTH, sparkline, thin


def points(values: list[float | None]) -> list[list[tuple[float, float]]]:
    drawn = "".join(element.props["d"] for element in sparkline(values))
    return [
        [(float(x), float(y)) for x, y in (point.split(" ") for point in piece.split("L"))]
        for piece in drawn.split("M")[1:]
    ]


def test_the_line_goes_from_the_oldest_to_the_newest_and_up_means_more() -> None:
    (line,) = points([1.0, 2.0, 4.0])
    assert [x for x, _ in line] == [0, 50, WIDTH]
    assert [y for _, y in line] == [HEIGHT - 1, 13, 1]


def test_what_hardly_moves_is_flat_in_the_middle() -> None:
    (line,) = points([100.0, 100.1, 100.0])
    assert all(abs(y - HEIGHT / 2) <= 1 for _, y in line)


def test_a_missing_value_breaks_the_line_and_nothing_is_drawn_of_one_value() -> None:
    assert len(points([1.0, 2.0, None, 3.0, 4.0])) == 2
    assert points([None, 1.0]) == points([]) == []


@given(st.lists(st.none() | st.floats(-1e9, 1e9), max_size=300))
def test_every_point_is_in_the_box_and_there_are_not_too_many(values: list[float | None]) -> None:
    drawn = [point for line in points(values) for point in line]
    assert len(drawn) <= POINTS
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in drawn)
    assert thin(values, POINTS)[-1:] == values[-1:]
