"""The compare page: the models side by side over time, and what they say of the same images."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from dash import html
from dash.development.base_component import Component

from dash_ui import boxes, changes, controls, distributions, ecdf, grids, lines, matrices, notices, past, plane, totals
from dash_ui.asks import Answer, Ask
from dash_ui.board import Board
from dash_ui.language import say
from dash_ui.parts import Part, Scene, tree
from dash_ui.texts import milliseconds, number, percent
from dash_ui.tree import Element, Tree
from dash_ui.view import View

#: The charts over time, and what each has of a bucket; the throughput has something of buckets that are not there, too.
POINTS = {
    "latency": past.latency,
    "inference": past.inference,
    "accuracy": past.accuracy,
    "confidence": past.confidence,
}
CHARTS = (*POINTS, "throughput")
SPREADS = ("ecdf", "distribution")
GRIDS = ("agreement", "calibration", "confusion")
#: The cards in their order.
ORDER = ("latency", "accuracy", *SPREADS, "inference", "confidence", "throughput", "plane", *GRIDS)
#: Those that are saved as CSV by themselves.
SAVED = ("plane", *GRIDS)


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
            html.H2(_title(name)),
            html.Span(say(f"compare.{name}_hint"), className="muted small-text"),
            html.Div([*([Tree(f"compare-{name}-csv")] if name in SAVED else []), png], className="tools"),
        ],
        className="section-head",
    )
    body = html.Div(Tree(f"compare-{name}"), className="scroll", tabIndex=0)
    return html.Section([head, body], className="card", **{"aria-label": _title(name), "data-chart": name})


def wants(view: View, board: Board) -> Iterable[Ask]:
    """The past, as far as it did not come here by itself, how times are distributed, and who says what."""
    name = _window(view)
    if name != "1m" or not board.minute.whole(datetime.now(UTC)):
        yield past.ask(name)
    yield distributions.ask(name)
    yield changes.ask(past.WINDOWS[name])
    yield matrices.ask(name)


def _window(view: View) -> str:
    return view.pick("window", (past.USUAL, *past.WINDOWS))


def parts(scene: Scene) -> Iterable[Part]:
    """What the page shows now."""
    view, board, name = scene.view, scene.board, _window(scene.view)
    answer, seen = board.histories.newest(scene.answer, name), board.revisions.models
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
    yield tree("compare-plane", state, partial(_plane, name, answer, board))
    made = scene.answer(matrices.ask(name))
    for grid in GRIDS:
        yield tree(f"compare-{grid}", (made, view, seen), partial(_grid, grid, view, made, board))
    for saved in SAVED:
        yield tree(f"compare-{saved}-csv", name, partial(_save, name, saved, say("compare.csv"), _title(saved)))


def _tools(view: View, name: str) -> list[Component]:
    words = {window: say(f"window.{window}") for window in past.WINDOWS}
    return [
        _save(name, "history", say("compare.csv")),
        _save(name, "distributions", say("compare.csv_times")),
        controls.segments(view, "window", words, say("window.label"), past.USUAL),
    ]


def _save(name: str, what: str, word: str, of: str = "") -> html.A:
    """A link that saves figures; `of` says which, to whoever does not see on which card it stands."""
    file = f"streamapp-{what}-{name}.csv"
    url = f"/export.csv?window={name}&figures={what}"
    more = {"aria-label": f"{word}: {of}"} if of else {}
    return html.A(word, href=url, download=file, className="button quiet small", **more)


def _title(name: str) -> str:
    return say("plane.heading" if name == "plane" else f"compare.{name}")


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
        return notices.awaited(answer)
    share = chart in ("accuracy", "confidence")
    words: Callable[[float], str] = percent if share else milliseconds if chart != "throughput" else _rate
    series = past.series(history, window, POINTS[chart]) if chart in POINTS else past.throughput(history, window)
    # Another version may be faster or slower: where it began is marked on the times.
    timed = chart in ("latency", "inference") and changed is not None and changed.data is not None
    marks = changes.marks(changed.data, window, datetime.fromisoformat(history["from"])) if timed and changed else []
    span = say("compare.ago", span=say(f"window.{name}"))
    return lines.chart(series, board.models, window.count, span, words, share, marks)


def _rate(value: float) -> str:
    return say("flow.rate", rate=number(value, 0 if value >= 10 else 1))


def _spread(chart: str, answer: Answer | None, board: Board) -> Any:
    if answer is None or answer.data is None:
        return notices.awaited(answer)
    times = distributions.parse(answer.data)
    stages = distributions.STAGES if chart == "distribution" else distributions.STAGES[-1:]
    drawn = boxes.draw(times, board.models) if chart == "distribution" else ecdf.draw(times, board.models)
    return [drawn, distributions.listing(times, stages, board.models)] if times else drawn


def _plane(name: str, answer: Answer | None, board: Board) -> Component | Element:
    history = _history(name, answer, board)
    if history is None:
        return notices.awaited(answer)
    return plane.draw(plane.measured(totals.of(history), board.models), say("plane.mean"))


def _grid(grid: str, view: View, answer: Answer | None, board: Board) -> list[Component]:
    if answer is None or answer.data is None:
        return [notices.awaited(answer)]
    compared = matrices.parse(answer.data)
    if not compared.images:
        return [html.P(say("compare.none"), className="muted no-figures")]
    said = html.P(matrices.words(compared), className="muted small-text")
    if grid == "agreement":
        return [grids.agreement(compared, board.models), said]
    if grid == "calibration":
        return [grids.calibration(compared, board.models), said]
    model = view.get("model") or next(iter(board.models), "")
    return [grids.models(view, model, board.models), grids.confusion(compared, model, board), said]
