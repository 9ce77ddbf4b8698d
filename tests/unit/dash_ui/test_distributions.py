import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dash_ui import boxes, distributions, ecdf, past
from dash_ui.distributions import Times
from dash_ui.scales import LEAST, MOST, Axis
from tests.support import fake_past
from tests.support.fake_races import FakeWorld
from tests.unit.dash_ui.pieces import components, having, text

MODELS = ["fast", "slow"]


def times(model: str = "fast", factor: float = 1.0) -> Times:
    """Quantiles that are their own percentage, 0 to 100 ms, in two stages."""
    values = [factor * share for share in range(101)]
    return Times(model, 500, {"inference": [value / 10 for value in values], "total": values})


def drawn(chart: Any, kind: str) -> list[dict[str, Any]]:
    return [dict(part.props) for part in having(chart, tag="rect") if part.props["className"] == kind]


def test_what_the_api_says_is_read_by_name_and_silent_models_are_left_out(world: FakeWorld) -> None:
    for _ in range(20):
        world.race()
    found = distributions.parse(fake_past.distributions(world, 10))
    assert [each.model for each in found] == ["efficientnet", "mobilenet", "resnet50"]
    low, middle, high = (found[0].quantile("total", share) or 0 for share in (0, 0.5, 1))
    assert 0 < low < middle < high
    assert found[0].quantile("sleep", 0.5) is None
    silent = {"models": [{"model": "m", "predictions": 0, "stages": {}}]}
    assert distributions.parse(silent) == []


def test_each_window_has_its_minutes() -> None:
    assert distributions.MINUTES.keys() == past.WINDOWS.keys()
    assert dict(distributions.ask("24h").params) == {"minutes": "1440"}


def test_a_box_is_the_middle_half_and_its_line_the_middle_nine_tenths() -> None:
    chart = boxes.draw([times()], MODELS)
    whisker, half = drawn(chart, "whisker")[1], drawn(chart, "half")[1]
    axis = Axis.over([0.5, 95], boxes.LEFT, boxes.WIDTH - boxes.RIGHT)
    assert whisker["x"] == axis.x(5)
    assert whisker["x"] + whisker["width"] == pytest.approx(axis.x(95), abs=0.1)
    assert (half["x"], half["x"] + half["width"]) == (axis.x(25), pytest.approx(axis.x(75), abs=0.1))
    medians = [part.props for part in having(chart, tag="line") if part.props.get("className") == "median"]
    assert [mark["x1"] for mark in medians] == [axis.x(5), axis.x(50)]


def test_stages_that_nobody_measured_have_no_row_and_nothing_measured_says_so() -> None:
    chart = boxes.draw([times(), Times("slow", 3, {"total": [1.0] * 101})], MODELS)
    assert "queue" not in text(chart)
    assert len(drawn(chart, "half")) == 3
    assert "fast: inference 5.0 ms, total 50.0 ms; slow: total 1.0 ms" in chart.props["aria-label"]
    assert "Nothing was measured" in text(boxes.draw([], MODELS))
    assert "Nothing was measured" in text(ecdf.draw([], MODELS))


def test_the_share_grows_with_the_time_and_a_faster_model_is_further_left() -> None:
    chart = ecdf.draw([times("fast"), times("slow", 3)], MODELS)
    lines = [part.props for part in having(chart, tag="path")]
    points = [[tuple(map(float, point.split())) for point in line["d"][1:].split("L")] for line in lines]
    for line in points:
        assert line == sorted(line, key=lambda point: (point[0], -point[1]))
        assert (line[0][1], line[-1][1]) == (ecdf.HEIGHT - ecdf.BOTTOM, ecdf.TOP)
    fast, slow = (part.props for part in having(chart, tag="circle") if part.props["cy"] == ecdf._y(0.95))
    assert fast["cx"] < slow["cx"]
    assert "slow: 50\u00a0% 150.0 ms, 95\u00a0% 285.0 ms" in chart.props["aria-label"]


def test_the_figures_are_also_a_table() -> None:
    listing = distributions.listing([times()], ("inference", "total"), MODELS)
    rows = [text(part) for part in components(listing) if type(part).__name__ == "Tr"]
    assert rows[1:] == [
        "fast inference 0.5 2.5 5.0 7.5 9.5 9.9",
        "fast total 5.0 25.0 50.0 75.0 95.0 99.0",
    ]


def test_the_table_that_is_saved_has_every_quantile() -> None:
    data = {"models": [{"model": "=m", "predictions": 7, "stages": {"total": [1.0, 2.0, 4.5], "queue": []}}]}
    assert list(distributions.csv(data)) == [
        "model,stage,predictions,share,ms\r\n",
        "'=m,total,7,0.0,1.0\r\n",
        "'=m,total,7,0.5,2.0\r\n",
        "'=m,total,7,1.0,4.5\r\n",
    ]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20))
@example([math.nextafter(10, 0)])
def test_an_axis_holds_its_values_in_their_order(values: list[float]) -> None:
    axis = Axis.over(values, 10, 90)
    places = [axis.x(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(10 <= place <= 90.1 for place in places)
    assert 1 <= len(axis.written()) <= max(MOST, 10)
    assert axis.x(LEAST / 10) == axis.x(LEAST) or axis.ticks[0] > LEAST
