"""The compare page: the models side by side over time, and what they say of the same images."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from dash import html
from dash.development.base_component import Component

from dash_ui import asks, boxes, changes, controls, distributions, ecdf, grids, lines, notices, past
from dash_ui.asks import Answer, Ask
from dash_ui.board import Board
from dash_ui.data import Race
from dash_ui.language import say
from dash_ui.parts import Part, Scene, tree
from dash_ui.texts import count, milliseconds, number, percent
from dash_ui.tree import Tree
from dash_ui.view import View

#: The images whose answers are compared: as many as the API lists at once.
SAMPLE = 200
CHARTS = ("latency", "inference", "accuracy", "confidence", "throughput")
SPREADS = ("ecdf", "distribution")
GRIDS = ("agreement", "calibration", "confusion")
#: The cards in their order.
ORDER = ("latency", "accuracy", *SPREADS, "inference", "confidence", "throughput", *GRIDS)


def frame() -> list[Component]:
    """A card for each chart, still empty."""
    head = html.Div(
        [html.H2(say("compare.heading")), Tree("compare-tools", className="tools")], className="section-head"
    )
    top = html.Section([head, Tree("compare-legend")], className="card", **{"aria-label": say("compare.heading")})
    return [top, html.Div([_card(name) for name in ORDER], className="charts")]


def _card(name: str) -> html.Section:
    png = html.Button(say("compare.png"), type="button", className="button quiet small", **{"data-png": ""})
    head = html.Div(
        [
            html.H2(say(f"compare.{name}")),
            html.Span(say(f"compare.{name}_hint"), className="muted small-text"),
            *([] if name in GRIDS else [png]),
        ],
        className="section-head",
    )
    body = html.Div(Tree(f"compare-{name}"), className="scroll", tabIndex=0)
    return html.Section([head, body], className="card", **{"aria-label": say(f"compare.{name}"), "data-chart": name})


def wants(view: View, board: Board) -> Iterable[Ask]:
    """The past, as far as it did not come here by itself, how times are distributed, and the newest images."""
    name = _window(view)
    if name != "1m" or not board.minute.whole(datetime.now(UTC)):
        yield past.ask(name)
    yield distributions.ask(name)
    yield changes.ask(past.WINDOWS[_window(view)])
    yield asks.recent(SAMPLE)


def _window(view: View) -> str:
    return view.pick("window", (past.USUAL, *past.WINDOWS))


def parts(scene: Scene) -> Iterable[Part]:
    """What the page shows now."""
    view, board, name = scene.view, scene.board, _window(scene.view)
    answer, seen = past.newest(scene.answer, name), board.revisions.models
    yield tree("compare-tools", view, lambda: _tools(view, name))
    yield tree("compare-legend", (tuple(board.models), answer and answer.error), lambda: _legend(board, answer))
    # The last minute moves with the figures that come every second, the others with the answers of the API.
    changed = scene.answer(changes.ask(past.WINDOWS[name]))
    state = (name, answer, changed, seen, board.revisions.stats if name == "1m" else 0)
    for chart in CHARTS:
        yield tree(f"compare-{chart}", state, partial(_chart, chart, name, answer, changed, board))
    spread = scene.answer(distributions.ask(name))
    for chart in SPREADS:
        yield tree(f"compare-{chart}", (name, spread, seen), partial(_spread, chart, spread, board))
    sample = scene.answer(asks.recent(SAMPLE))
    for grid in GRIDS:
        yield tree(f"compare-{grid}", (sample, view, seen), partial(_grid, grid, view, sample, board))


def _tools(view: View, name: str) -> list[Component]:
    words = {window: say(f"window.{window}") for window in past.WINDOWS}
    return [
        _save(name, "history", say("compare.csv")),
        _save(name, "distributions", say("compare.csv_times")),
        controls.segments(view, "window", words, say("window.label"), past.USUAL),
    ]


def _save(name: str, what: str, word: str) -> html.A:
    file = f"streamapp-{what}-{name}.csv"
    url = f"/export.csv?window={name}&figures={what}"
    return html.A(word, href=url, download=file, className="button quiet small")


def _legend(board: Board, history: Answer | None) -> list[Component]:
    trouble = [notices.failed(history.error)] if history and history.error else []
    return [*trouble, grids.legend(board.models)]


def _history(name: str, answer: Answer | None, board: Board) -> Any:
    """What to draw; None before it is here."""
    older, now = answer.data if answer else None, datetime.now(UTC)
    if name != "1m" or (older is None and not board.minute.whole(now)):
        return older
    return board.minute.history(older, now)


def _chart(chart: str, name: str, answer: Answer | None, changed: Answer | None, board: Board) -> Any:
    history, window = _history(name, answer, board), past.WINDOWS[name]
    if history is None:
        return html.Div(className="skeleton line")
    points: dict[str, Any] = {
        "latency": past.latency,
        "inference": past.inference,
        "accuracy": past.accuracy,
        "confidence": past.confidence,
        "throughput": past.throughput(window.bucket_s),
    }
    share = chart in ("accuracy", "confidence")
    words: Callable[[float], str] = percent if share else milliseconds if chart != "throughput" else _rate
    series = past.series(history, window, points[chart])
    # Another version may be faster or slower: where it began is marked on the times.
    timed = chart in ("latency", "inference") and changed is not None and changed.data is not None
    marks = changes.marks(changed.data, window, datetime.fromisoformat(history["from"])) if timed and changed else []
    span = say("compare.ago", span=say(f"window.{name}"))
    return lines.chart(series, board.models, window.count, span, words, share, marks)


def _rate(value: float) -> str:
    return say("flow.rate", rate=number(value, 0 if value >= 10 else 1))


def _spread(chart: str, answer: Answer | None, board: Board) -> Any:
    if answer is None or answer.data is None:
        return notices.failed(answer.error) if answer else html.Div(className="skeleton line")
    times = distributions.parse(answer.data)
    stages = distributions.STAGES if chart == "distribution" else distributions.STAGES[-1:]
    drawn = boxes.draw(times, board.models) if chart == "distribution" else ecdf.draw(times, board.models)
    return [drawn, distributions.listing(times, stages, board.models)] if times else drawn


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
