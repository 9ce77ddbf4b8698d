"""Charts of lines over time with bands around them. Data in, SVG out; a colour for each model."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from dash_ui import figures
from dash_ui.language import say
from dash_ui.past import Moment, Series
from dash_ui.tree import Element

WIDTH, HEIGHT = 640, 230
LEFT, RIGHT, TOP, BOTTOM = 70, 12, 14, 28
#: A line is broken where more buckets than this are missing.
GAP = 3
SCALE_ENDS = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)

Words = Callable[[float], str]


#: A model, how many buckets ago something happened to it, and what.
Mark = tuple[str, float, str]


def chart(
    series: Series,
    models: Sequence[str],
    buckets: int,
    span: str,
    words: Words,
    share: bool = False,
    marks: Sequence[Mark] = (),
) -> Element:
    """One chart; `span` says how long ago its left edge is, `words` writes a value, a `share` goes from 0 to 1.

    `marks` are lines across it where something happened to a model.
    """
    if not series:
        return Element("p", {"className": "muted no-figures"}, [say("compare.none")])
    top = 1.0 if share else ceiling(max(_highest(moment) for moments in series.values() for moment in moments))
    parts = [*_grid(top, words, span)]
    for model, moments in series.items():
        colour = figures.colour(model, models)
        pieces = broken(moments)
        bands = "".join(_band(piece, buckets, top) for piece in pieces)
        if bands:
            parts.append(Element("path", {"d": bands, "fill": colour, "className": "band"}))
        lines = "".join(_line(piece, buckets, top) for piece in pieces)
        parts.append(Element("path", {"d": lines, "stroke": colour, "className": "line"}))
        parts += [_dot(piece[0], colour, buckets, top) for piece in pieces if len(piece) == 1]
    parts += [_mark(mark, models, buckets) for mark in marks]
    said = "; ".join([_said(series, words), *(what for _, _, what in marks)])
    box = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "className": "chart", "role": "img", "aria-label": said}
    return Element("svg", box, parts)


def ceiling(highest: float) -> float:
    """The smallest round number that is not smaller."""
    power = 1.0
    while power * 10 <= highest:
        power *= 10
    while power > highest > 0:
        power /= 10
    return next((end * power for end in SCALE_ENDS if end * power >= highest), 10 * power) if highest > 0 else 1.0


def broken(moments: Sequence[Moment]) -> list[list[Moment]]:
    """The pieces of a line: it is not drawn over long gaps."""
    pieces = [[moments[0]]]
    for before, moment in pairwise(moments):
        if before.ago - moment.ago > GAP:
            pieces.append([])
        pieces[-1].append(moment)
    return pieces


def _highest(moment: Moment) -> float:
    return moment.value if moment.high is None else moment.high


def _mark(mark: Mark, models: Sequence[str], buckets: int) -> Element:
    """A flag; pointing at it says what happened."""
    model, ago, what = mark
    x, foot = _at(ago, 0, buckets, 1).split()
    flag = f"M{x} {TOP - 10}h9l-3 4 3 4h-9V{foot}"
    style = {"--model": figures.colour(model, models)}
    return Element(
        "g", {"className": "change", "style": style}, [Element("title", {}, [what]), Element("path", {"d": flag})]
    )


def _at(ago: float, value: float, buckets: int, top: float) -> str:
    x = LEFT + (WIDTH - LEFT - RIGHT) * (1 - ago / max(buckets - 1, 1))
    y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(value / top, 1))
    return f"{x:.0f} {y:.0f}"


def _line(piece: Sequence[Moment], buckets: int, top: float) -> str:
    """Through its moments; of one alone, which has no line and no band, the interval."""
    points = [(one.ago, one.value) for one in piece]
    if len(piece) == 1:
        points = [(piece[0].ago, end) for end in (piece[0].low, piece[0].high) if end is not None]
    return "M" + "L".join(_at(*point, buckets, top) for point in points) if len(points) > 1 else ""


def _dot(alone: Moment, colour: str, buckets: int, top: float) -> Element:
    x, y = map(int, _at(alone.ago, alone.value, buckets, top).split())
    return Element("circle", {"cx": x, "cy": y, "r": 4, "fill": colour, "className": "mark-dot"})


def _band(piece: Sequence[Moment], buckets: int, top: float) -> str:
    known = [one for one in piece if one.low is not None and one.high is not None]
    upper = [_at(one.ago, one.high or 0, buckets, top) for one in known]
    lower = [_at(one.ago, one.low or 0, buckets, top) for one in reversed(known)]
    return f"M{'L'.join([*upper, *lower])}Z" if len(known) > 1 else ""


def _grid(top: float, words: Words, span: str) -> list[Element]:
    parts = []
    for step in range(5):
        y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - step / 4)
        parts.append(Element("line", {"x1": LEFT, "y1": y, "x2": WIDTH - RIGHT, "y2": y}))
        parts.append(Element("text", {"x": LEFT - 8, "y": y + 4, "textAnchor": "end"}, [words(top * step / 4)]))
    parts.append(Element("text", {"x": LEFT, "y": HEIGHT - 6}, [span]))
    parts.append(Element("text", {"x": WIDTH - RIGHT, "y": HEIGHT - 6, "textAnchor": "end"}, [say("compare.now")]))
    return parts


def _said(series: Series, words: Words) -> str:
    """The newest value of each line, for people who cannot see it."""
    return "; ".join(f"{model}: {words(moments[-1].value)}" for model, moments in series.items())
