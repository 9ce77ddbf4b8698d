"""The plane of accuracy against time: up and to the left is better. Data in, SVG out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, log10

from dash_ui import figures
from dash_ui.data import ModelStats
from dash_ui.language import say
from dash_ui.scales import decades
from dash_ui.texts import number, percent
from dash_ui.totals import Total
from dash_ui.tree import Element

WIDTH, HEIGHT = 900, 300
LEFT, RIGHT, TOP, BOTTOM = 84, 36, 20, 60


@dataclass(frozen=True)
class Point:
    """One model; time in milliseconds, accuracy from 0 to 1 with its interval where that is known.

    It is `best` when no other is both faster and more accurate.
    """

    model: str
    ms: float
    accuracy: float
    colour: str
    best: bool
    interval: tuple[float, float] | None = None


def points(rows: Sequence[ModelStats], models: Sequence[str]) -> list[Point]:
    """The models of which both are known: the median time, and the accuracy."""
    known = [(row.model, row.p50_ms, row.accuracy, None) for row in rows if row.p50_ms and row.accuracy is not None]
    return _placed(known, models)


def measured(totals: Iterable[Total], models: Sequence[str]) -> list[Point]:
    """The same of a window: the mean time, and the accuracy with its 95 % interval."""
    known = [
        (each.model, each.inference_ms, each.accuracy, each.interval)
        for each in totals
        if each.inference_ms and each.accuracy is not None
    ]
    return _placed(known, models)


def _placed(
    known: Sequence[tuple[str, float, float, tuple[float, float] | None]], models: Sequence[str]
) -> list[Point]:
    return [
        Point(
            model,
            speed,
            accuracy,
            figures.colour(model, models),
            not any(_beats((other[1], other[2]), (speed, accuracy)) for other in known),
            interval,
        )
        for model, speed, accuracy, interval in known
    ]


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether one is as fast and as accurate as the other, and better in something."""
    return one[0] <= other[0] and one[1] >= other[1] and one != other


def draw(shown: Sequence[Point], time: str) -> Element:
    """The plane, with `time` to say which time it is; without a point it says what is missing."""
    if not shown:
        return Element("p", {"className": "muted no-figures"}, [say("plane.none")])
    ticks = decades([point.ms for point in shown])
    low = max(0.0, floor(min((point.interval or (point.accuracy,))[0] for point in shown) * 10 - 0.5) / 10)
    span = log10(ticks[-1] / ticks[0])

    def x(value: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * log10(value / ticks[0]) / span, 1)

    def y(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (1 - low or 1)), 1)

    shares = [low + step * (1 - low) / 4 for step in range(5)]
    axes = [
        *(_line(LEFT, y(share), WIDTH - RIGHT, y(share)) for share in shares),
        *(_text(LEFT - 10, y(share) + 4, percent(share), "end") for share in shares),
        *(_text(x(tick), HEIGHT - 34, f"{number(tick, 0 if tick >= 1 else 2)} ms", "middle") for tick in ticks),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 5, time, "middle"),
    ]
    bars = [
        Element("line", {"x1": at, "y1": y(least), "x2": at, "y2": y(most), "style": {"stroke": point.colour}})
        for point in shown
        if point.interval
        for at, (least, most) in [(x(point.ms), point.interval)]
    ]
    dots = [part for point in shown for part in _dot(point, x(point.ms), y(point.accuracy))]
    box = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "className": "plane", "role": "img", "aria-label": words(shown)}
    return Element("svg", box, [*axes, *bars, *dots])


def words(shown: Sequence[Point]) -> str:
    """The same for people who cannot see it."""
    return "; ".join(_words(point) for point in shown)


def _words(point: Point) -> str:
    said = say("plane.point", model=point.model, accuracy=percent(point.accuracy, 1), ms=number(point.ms, 1))
    if point.interval is None:
        return said
    low, high = (percent(share, 1) for share in point.interval)
    return f"{said} ({say('plane.interval', low=low, high=high)})"


def _dot(point: Point, x: float, y: float) -> list[Element]:
    left = x > WIDTH * 0.8
    name = _text(x + (-14 if left else 14), y + 5, point.model, "end" if left else "start", "name")
    ring = [Element("circle", {"cx": x, "cy": y, "r": 12, "className": "ring"})] if point.best else []
    return [*ring, Element("circle", {"cx": x, "cy": y, "r": 7, "fill": point.colour}), name]


def _line(x1: float, y1: float, x2: float, y2: float) -> Element:
    return Element("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2})


def _text(x: float, y: float, words: str, anchor: str, kind: str = "") -> Element:
    return Element("text", {"x": x, "y": y, "textAnchor": anchor, "className": kind}, [words])
