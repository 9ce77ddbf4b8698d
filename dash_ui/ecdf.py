"""The share of images that are answered within a time, of all models in one chart. Data in, SVG out."""

from collections.abc import Sequence

from dash_ui import figures
from dash_ui.distributions import TOTAL, Times
from dash_ui.language import say
from dash_ui.scales import Axis
from dash_ui.texts import ms, percent
from dash_ui.tree import Element

WIDTH, HEIGHT = 640, 334
LEFT, RIGHT, TOP, BOTTOM = 64, 30, 14, 28
#: Shares that have a dot on each line.
DOTS = (0.5, 0.95)


def draw(times: Sequence[Times], models: Sequence[str]) -> Element:
    """The empirical distribution functions of the total time on a logarithmic axis."""
    shown = [each for each in times if TOTAL in each.stages]
    if not shown:
        return Element("p", {"className": "muted no-figures"}, [say("compare.none")])
    axis = Axis.over([value for each in shown for value in _ends(each)], LEFT, WIDTH - RIGHT)
    parts = [*axis.grid(TOP, HEIGHT - BOTTOM), *_shares()]
    for each in shown:
        colour = figures.colour(each.model, models)
        parts.append(Element("path", {"d": line(each.stages[TOTAL], axis), "stroke": colour, "className": "line"}))
        parts += [_dot(each, share, axis, colour) for share in DOTS]
    box = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "className": "chart", "role": "img", "aria-label": said(shown)}
    return Element("svg", box, parts)


def line(quantiles: Sequence[float], axis: Axis) -> str:
    """From the fastest answer to the slowest, and on to the edge: all have been given by then."""
    last = len(quantiles) - 1
    points = [f"{axis.x(value):.0f} {_y(place / (last or 1)):.0f}" for place, value in enumerate(quantiles)]
    kept = [point for place, point in enumerate(points) if place in (0, last) or point != points[place - 1]]
    return f"M{axis.left:.0f} {_y(0):.0f}L" + "L".join(kept) + f"L{axis.right:.0f} {_y(1):.0f}"


def said(times: Sequence[Times]) -> str:
    """Within which time half and nearly all of the images are answered, in words."""
    return "; ".join(
        f"{each.model}: " + ", ".join(f"{percent(share)} {ms(each.quantile(TOTAL, share))} ms" for share in DOTS)
        for each in times
    )


def _ends(times: Times) -> tuple[float, float]:
    return min(times.stages[TOTAL]), max(times.stages[TOTAL])


def _y(share: float) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - share), 1)


def _shares() -> list[Element]:
    lines = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        lines.append(Element("line", {"x1": LEFT, "y1": _y(share), "x2": WIDTH - RIGHT, "y2": _y(share)}))
        lines.append(Element("text", {"x": LEFT - 8, "y": _y(share) + 4, "textAnchor": "end"}, [percent(share)]))
    return lines


def _dot(times: Times, share: float, axis: Axis, colour: str) -> Element:
    place = {"cx": axis.x(times.quantile(TOTAL, share) or 0), "cy": _y(share), "r": 4.5, "fill": colour}
    return Element("circle", place | {"className": "mark-dot"})
