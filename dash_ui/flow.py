"""The way of an image through the platform, drawn, with what moves on each edge now. Data in, SVG out."""

from collections.abc import Sequence
from dataclasses import dataclass

from dash_ui.language import say
from dash_ui.texts import count, rate
from dash_ui.tree import Element

WIDTH, ROW, TOP = 1120, 62, 12
BOX_W, BOX_H = 148, 40
HEIGHT_OF_NOTHING = TOP + ROW * 2
COLUMNS = {"ingest": 0, "images": 194, "models": 400, "predictions": 606, "sinks": 800, "ends": 972}


@dataclass(frozen=True)
class Lane:
    """One model on the way: answers per second and images that wait for it."""

    model: str
    rate: float
    lag: int | None
    colour: str


@dataclass(frozen=True)
class Flow:
    """What moves; images and verdicts per second, `waiting` images that the stats and the recorder have to read yet."""

    lanes: Sequence[Lane]
    verdicts: float
    accepted: int | None
    waiting: dict[str, int | None]


def draw(flow: Flow) -> Element:
    """Boxes for what keeps or does something, edges between them with their rates."""
    height = max(TOP + ROW * len(flow.lanes), HEIGHT_OF_NOTHING)
    middle = TOP + (height - TOP) / 2 - ROW / 2
    sinks = {"stats": middle - ROW / 2, "recorder": middle + ROW / 2}
    answers = sum(lane.rate for lane in flow.lanes)
    parts = [
        _edge("ingest", middle, "images", middle, max((lane.rate for lane in flow.lanes), default=0)),
        *(part for number, lane in enumerate(flow.lanes) for part in _lane(lane, TOP + ROW * number, middle)),
        *(_edge("predictions", middle, "sinks", y, answers) for y in sinks.values()),
        _edge("sinks", sinks["stats"], "ends", sinks["stats"], flow.verdicts),
        _edge("sinks", sinks["recorder"], "ends", sinks["recorder"], answers),
        *_box("ingest", middle, say("flow.ingest"), say("flow.accepted", number=count(flow.accepted))),
        *_box("images", middle, say("flow.images"), say("flow.topic")),
        *_box("predictions", middle, say("flow.predictions"), _per_second(answers)),
        *(
            part
            for name, y in sinks.items()
            for part in _box("sinks", y, say(f"flow.{name}"), _lag(flow.waiting[name]))
        ),
        *_box("ends", sinks["stats"], say("flow.page"), _per_second(flow.verdicts)),
        *_box("ends", sinks["recorder"], say("flow.database"), _per_second(answers)),
    ]
    box = {"viewBox": f"0 0 {WIDTH} {height}", "className": "flow", "role": "img", "aria-label": words(flow)}
    return Element("svg", box, parts)


def words(flow: Flow) -> str:
    """The same for people who cannot see it."""
    lanes = [f"{lane.model}: {_per_second(lane.rate)}, {_lag(lane.lag)}" for lane in flow.lanes]
    return "; ".join([*lanes, f"{say('flow.page')}: {_per_second(flow.verdicts)}"])


def _lane(lane: Lane, y: float, middle: float) -> list[Element]:
    said = f"{_per_second(lane.rate)} · {_lag(lane.lag)}"
    return [
        _edge("images", middle, "models", y, lane.rate, lane.colour),
        _edge("models", y, "predictions", middle, lane.rate, lane.colour),
        *_box("models", y, lane.model, said, lane.colour),
    ]


def _edge(start: str, y1: float, end: str, y2: float, per_s: float, colour: str = "") -> Element:
    """A curve from the right of one box to the left of another; it moves while something moves on it."""
    x1, x2 = COLUMNS[start] + BOX_W, COLUMNS[end]
    bend = (x1 + x2) / 2
    y1, y2 = y1 + BOX_H / 2, y2 + BOX_H / 2
    style = {"style": {"--model": colour}} if colour else {}
    return Element(
        "path",
        {
            "d": f"M{x1} {y1}C{bend} {y1} {bend} {y2} {x2} {y2}",
            "className": "edge moving" if per_s > 0 else "edge",
            **style,
        },
    )


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
