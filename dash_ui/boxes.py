"""Charts of how the times of each stage are distributed: a box for each model. Data in, SVG out."""

from collections.abc import Sequence

from dash_ui import figures
from dash_ui.distributions import STAGES, Times
from dash_ui.language import say
from dash_ui.scales import Axis
from dash_ui.texts import ms
from dash_ui.tree import Element

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 640, 126, 30, 6, 28
#: The height of a box, from one box to the next, and between two stages.
BOX, STEP, GAP = 11, 16, 12


def draw(times: Sequence[Times], models: Sequence[str]) -> Element:
    """For each stage and model the middle half, the middle nine tenths and the median, on one logarithmic axis."""
    stages = [stage for stage in STAGES if any(stage in each.stages for each in times)]
    if not stages:
        return Element("p", {"className": "muted no-figures"}, [say("compare.none")])
    row = STEP * len(times) + GAP
    bottom = TOP + row * len(stages)
    ends = [each.quantile(stage, share) or 0.0 for each in times for stage in each.stages for share in (0.05, 0.95)]
    axis = Axis.over(ends, LEFT, WIDTH - RIGHT)
    parts = axis.grid(TOP, bottom)
    for number, stage in enumerate(stages):
        top = TOP + row * number
        middle = top + (row - GAP) / 2 + GAP / 2
        parts.append(Element("text", {"x": LEFT - 12, "y": middle + 4, "textAnchor": "end"}, [say(f"stage.{stage}")]))
        for place, each in enumerate(times):
            y = top + GAP / 2 + STEP * place + (STEP - BOX) / 2
            parts += _box(each, stage, y, axis, figures.colour(each.model, models))
    box = {
        "viewBox": f"0 0 {WIDTH} {bottom + BOTTOM:g}",
        "className": "chart",
        "role": "img",
        "aria-label": said(times),
    }
    return Element("svg", box, parts)


def _box(times: Times, stage: str, y: float, axis: Axis, colour: str) -> list[Element]:
    """Nothing where the stage was not measured."""
    low, first, median, third, high = (times.quantile(stage, share) for share in (0.05, 0.25, 0.5, 0.75, 0.95))
    if low is None or first is None or median is None or third is None or high is None:
        return []
    middle = y + BOX / 2
    ends = [_bar(axis.x(low), axis.x(high), middle - 1.5, 3, colour, "whisker")]
    half = _bar(axis.x(first), axis.x(third), y, BOX, colour, "half")
    mark = {"x1": axis.x(median), "y1": y - 2, "x2": axis.x(median), "y2": y + BOX + 2, "className": "median"}
    return [*ends, half, Element("line", mark)]


def _bar(x1: float, x2: float, y: float, height: float, colour: str, kind: str) -> Element:
    """At least two wide, so that a stage that always takes the same time is seen."""
    wide = max(round(x2 - x1, 1), 2)
    return Element("rect", {"x": x1, "y": y, "width": wide, "height": height, "fill": colour, "className": kind})


def said(times: Sequence[Times]) -> str:
    """The median of each stage in words, for people who cannot see the chart; the table beside it has more."""
    return "; ".join(
        f"{each.model}: " + ", ".join(_words(each, stage) for stage in STAGES if stage in each.stages) for each in times
    )


def _words(times: Times, stage: str) -> str:
    return f"{say(f'stage.{stage}')} {ms(times.quantile(stage, 0.5))} ms"
