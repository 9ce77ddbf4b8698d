"""The compare page: the models side by side over time, and what they say of the same images."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from dash import html
from dash.development.base_component import Component

from dash_ui import asks, controls, grids, lines, notices, past
from dash_ui.asks import Answer, Ask
from dash_ui.board import Board
from dash_ui.data import Race
from dash_ui.language import say
from dash_ui.parts import Part, Scene, tree
from dash_ui.texts import count, number, percent
from dash_ui.tree import Tree
from dash_ui.view import View

#: The images whose answers are compared: as many as the API lists at once.
SAMPLE = 200
CHARTS = ("latency", "inference", "accuracy", "confidence", "throughput")
GRIDS = ("agreement", "calibration", "confusion")


def frame() -> list[Component]:
    """A card for each chart, still empty."""
    png = [html.Button(say("compare.png"), type="button", className="button quiet small", **{"data-png": ""})]
    charts = [_card(name, Tree(f"compare-{name}"), png) for name in CHARTS]
    head = html.Div(
        [html.H2(say("compare.heading")), Tree("compare-tools", className="tools")], className="section-head"
    )
    top = html.Section([head, Tree("compare-legend")], className="card", **{"aria-label": say("compare.heading")})
    return [top, html.Div([*charts, *(_card(name, Tree(f"compare-{name}"), []) for name in GRIDS)], className="charts")]


def _card(name: str, body: Component, tools: list[Component]) -> html.Section:
    head = html.Div(
        [html.H2(say(f"compare.{name}")), html.Span(say(f"compare.{name}_hint"), className="muted small-text"), *tools],
        className="section-head",
    )
    body = html.Div(body, className="scroll", tabIndex=0)
    return html.Section([head, body], className="card", **{"aria-label": say(f"compare.{name}"), "data-chart": name})


def wants(view: View, _board: Board) -> Iterable[Ask]:
    """The past, and the newest images."""
    yield past.ask(view.pick("window", tuple(past.WINDOWS)))
    yield asks.recent(SAMPLE)


def parts(scene: Scene) -> Iterable[Part]:
    """What the page shows now."""
    view, board = scene.view, scene.board
    name = view.pick("window", tuple(past.WINDOWS))
    history, sample = scene.answer(past.ask(name)), scene.answer(asks.recent(SAMPLE))
    yield tree("compare-tools", view, lambda: _tools(view, name))
    yield tree("compare-legend", (tuple(board.models), history and history.error), lambda: _legend(board, history))
    for chart in CHARTS:
        state = (name, history, board.revisions.models)
        yield tree(f"compare-{chart}", state, partial(_chart, chart, name, history, board))
    shown = (sample, view, board.revisions.models)
    for grid in GRIDS:
        yield tree(f"compare-{grid}", shown, partial(_grid, grid, view, sample, board))


def _tools(view: View, name: str) -> list[Component]:
    words = {window: say(f"window.{window}") for window in past.WINDOWS}
    save = html.A(
        say("compare.csv"),
        href=f"/export.csv?window={name}",
        download=f"streamapp-{name}.csv",
        className="button quiet small",
    )
    return [save, controls.segments(view, "window", words, say("window.label"))]


def _legend(board: Board, history: Answer | None) -> list[Component]:
    trouble = [notices.failed(history.error)] if history and history.error else []
    return [*trouble, grids.legend(board.models)]


def _chart(chart: str, name: str, history: Answer | None, board: Board) -> Any:
    if history is None or history.data is None:
        return html.Div(className="skeleton line")
    window = past.WINDOWS[name]
    points: dict[str, Any] = {
        "latency": past.latency,
        "inference": past.inference,
        "accuracy": past.accuracy,
        "confidence": past.confidence,
        "throughput": past.throughput(window.bucket_s),
    }
    share = chart in ("accuracy", "confidence")
    words: Callable[[float], str] = percent if share else _milliseconds if chart != "throughput" else _rate
    series = past.series(history.data, window, points[chart])
    return lines.chart(series, board.models, window.count, say("compare.ago", span=say(f"window.{name}")), words, share)


def _milliseconds(value: float) -> str:
    return f"{number(value, 0 if value >= 10 else 1)} ms"


def _rate(value: float) -> str:
    return say("flow.rate", rate=number(value, 0 if value >= 10 else 1))


def _grid(grid: str, view: View, sample: Answer | None, board: Board) -> list[Component]:
    if sample is None or sample.data is None:
        return [notices.failed(sample.error) if sample else html.Div(className="skeleton line")]
    races = [Race.from_image(item) for item in sample.data["images"]]
    said = html.P(say("compare.sample", n=len(races), number=count(len(races))), className="muted small-text")
    if grid == "agreement":
        return [grids.agreement(races, board.models), said]
    if grid == "calibration":
        return [grids.calibration(races, board.models), said]
    model = view.get("model") or next(iter(board.models), "")
    return [grids.models(view, model, board.models), grids.confusion(races, model, board), said]
