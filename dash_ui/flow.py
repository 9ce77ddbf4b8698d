"""The way of an image through the platform, drawn, with what moves on each edge now. Data in, SVG out."""

from collections.abc import Sequence
from dataclasses import dataclass

from dash_ui.language import say
from dash_ui.texts import count, rate, size
from dash_ui.tree import Element

WIDTH, ROW, TOP = 1120, 62, 12
BOX_W, BOX_H = 130, 40
HEIGHT_OF_NOTHING = TOP + ROW * 3
COLUMNS = {"ingest": 0, "images": 198, "models": 396, "predictions": 594, "sinks": 792, "ends": 990}


@dataclass(frozen=True)
class Lane:
    """One model on the way: answers per second and images that wait for it."""

    model: str
    rate: float
    lag: int | None
    colour: str


@dataclass(frozen=True)
class Flow:
    """What moves: images, answers and verdicts per second, and what waits for the stats and the recorder.

    `originals` are the bytes in the object store; None is what is not known.
    """

    lanes: Sequence[Lane]
    images: float
    answers: float
    verdicts: float
    accepted: int | None
    originals: int | None
    waiting: dict[str, int | None]


def draw(flow: Flow) -> Element:
    """Boxes for what keeps or does something, edges between them with their rates."""
    height = max(TOP + ROW * len(flow.lanes), HEIGHT_OF_NOTHING)
    middle = TOP + (height - TOP) / 2 - ROW / 2
    sinks = {"stats": middle - ROW / 2, "recorder": middle + ROW / 2}
    parts = [
        *_edge("ingest", middle, "images", middle, flow.images),
        *_edge("ingest", middle, "images", middle + ROW, flow.images),
        *(part for number, lane in enumerate(flow.lanes) for part in _lane(lane, TOP + ROW * number, middle)),
        *(part for y in sinks.values() for part in _edge("predictions", middle, "sinks", y, flow.answers)),
        *_edge("sinks", sinks["stats"], "ends", sinks["stats"], flow.verdicts),
        *_edge("sinks", sinks["recorder"], "ends", sinks["recorder"], flow.answers),
        *_box("ingest", middle, say("flow.ingest"), say("flow.accepted", number=count(flow.accepted))),
        *_box("images", middle, say("flow.images"), say("flow.topic")),
        *_box("images", middle + ROW, say("flow.originals"), size(flow.originals)),
        *_box("predictions", middle, say("flow.predictions"), say("flow.topic")),
        *(
            part
            for name, y in sinks.items()
            for part in _box("sinks", y, say(f"flow.{name}"), _lag(flow.waiting[name]))
        ),
        *_box("ends", sinks["stats"], say("flow.page"), say("flow.verdicts")),
        *_box("ends", sinks["recorder"], say("flow.database"), say("flow.rows")),
    ]
    box = {"viewBox": f"0 0 {WIDTH} {height}", "className": "flow", "role": "img", "aria-label": words(flow)}
    return Element("svg", box, parts)


def words(flow: Flow) -> str:
    """The same for people who cannot see it."""
    lanes = [f"{lane.model}: {_per_second(lane.rate)}, {_lag(lane.lag)}" for lane in flow.lanes]
    rates = {"images": flow.images, "predictions": flow.answers, "page": flow.verdicts}
    return "; ".join([*lanes, *(f"{say(f'flow.{name}')}: {_per_second(value)}" for name, value in rates.items())])


def _lane(lane: Lane, y: float, middle: float) -> list[Element]:
    return [
        *_edge("images", middle, "models", y, lane.rate, lane.colour),
        *_edge("models", y, "predictions", middle, lane.rate, lane.colour, said=False),
        *_box("models", y, lane.model, _lag(lane.lag), lane.colour),
    ]


def _edge(
    start: str, y1: float, end: str, y2: float, per_s: float, colour: str = "", said: bool = True
) -> list[Element]:
    """A curve from the right of one box to the left of another, with its rate; it moves while something moves on it."""
    x1, x2 = COLUMNS[start] + BOX_W, COLUMNS[end]
    bend = (x1 + x2) / 2
    y1, y2 = y1 + BOX_H / 2, y2 + BOX_H / 2
    style = {"style": {"--model": colour}} if colour else {}
    path = f"M{x1} {y1}C{bend} {y1} {bend} {y2} {x2} {y2}"
    curve = Element("path", {"d": path, "className": "edge moving" if per_s > 0 else "edge", **style})
    clear = 17 if y2 > y1 else -8  # on the side that the curve does not come from
    at = {"x": x2 - 6, "y": y2 + clear, "textAnchor": "end", "className": "rate"}
    return [curve, Element("text", at, [_per_second(per_s)])] if said else [curve]


def _box(column: str, y: float, name: str, said: str, colour: str = "") -> list[Element]:
    x = COLUMNS[column]
    mark = [Element("rect", {"x": x, "y": y, "width": 5, "height": BOX_H, "rx": 2, "fill": colour})] if colour else []
    return [
        Element("rect", {"x": x, "y": y, "width": BOX_W, "height": BOX_H, "rx": 8, "className": "box"}),
        *mark,
        Element("text", {"x": x + BOX_W / 2, "y": y + 17, "textAnchor": "middle", "className": "name"}, [name]),
        Element("text", {"x": x + BOX_W / 2, "y": y + 33, "textAnchor": "middle"}, [said]),
    ]


def _per_second(value: float) -> str:
    return say("flow.rate", rate=rate(value))


def _lag(value: int | None) -> str:
    return say("flow.lag", number=count(value))
