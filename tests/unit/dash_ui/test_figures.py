import pytest
from hypothesis import given
from hypothesis import strategies as st

from dash_ui import figures
from dash_ui.data import STAGES, Answer
from dash_ui.figures import COLOURS, Scale, scale_for
from tests.unit.dash_ui.pieces import components, having


def answer(**stages: float) -> Answer:
    return Answer("m", "cat", 0.5, {stage: stages.get(stage, 0.0) for stage in STAGES}, sum(stages.values()))


@given(st.floats(min_value=1e-3, max_value=1e6))
def test_the_scale_holds_the_longest_bar_and_wastes_at_most_half(longest: float) -> None:
    scale = scale_for([answer(inference=longest / 2, queue=longest / 2), answer(fetch=longest / 3)])
    assert longest <= scale.end * (1 + 1e-6)
    assert longest >= scale.end / 2 * (1 - 1e-6)
    assert scale.ticks()[0] == 0
    assert scale.ticks()[-1] == pytest.approx(scale.end)
    assert 3 <= len(scale.ticks()) <= 5


def test_a_race_without_answers_has_a_scale_too() -> None:
    assert scale_for([]) == Scale(1, 0.25)
    assert scale_for([answer()]) == Scale(1, 0.25)


def test_bars_of_one_race_share_one_scale() -> None:
    slow, fast = answer(inference=8), answer(inference=2)
    scale = scale_for([slow, fast])
    widths = [having(figures.stage_bar(one, scale), class_="stage-inference")[0].style["width"] for one in (slow, fast)]
    assert widths == ["100.00%", "25.00%"]


def test_the_stages_of_a_bar_come_in_the_order_in_which_they_happen() -> None:
    bar = figures.stage_bar(answer(queue=1, fetch=1, preprocess=1, lane=1, inference=1), Scale(10, 2.5))
    drawn = [part.className for part in components(bar) if "stage-" in getattr(part, "className", "")]
    assert drawn == [f"stage stage-{stage}" for stage in STAGES]
    assert bar.title == "queue 1.0 ms, fetch 1.0 ms, preprocess 1.0 ms, lane wait 1.0 ms, inference 1.0 ms"


def test_each_model_has_a_colour_of_its_own_by_its_place() -> None:
    models = [f"m{n}" for n in range(7)]
    colours = [figures.colour(model, models) for model in models]
    assert colours == list(COLOURS)
    assert len(set(COLOURS)) == 7
    assert figures.colour("m7", [*models, "m7"]) == COLOURS[0]


def test_the_colours_are_okabe_and_itos() -> None:
    assert set(COLOURS) == {"#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}
