"""The models page: what serves now, how good and how fast it is, and looking for a new version."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from dash import html
from dash.development.base_component import Component

from dash_ui import asks, changes, controls, lines, notices, past, plane, serving, versions
from dash_ui.asks import Answer, Ask
from dash_ui.board import Board
from dash_ui.data import ModelStats, Stats
from dash_ui.language import say
from dash_ui.parts import Part, Scene, tree
from dash_ui.texts import count, milliseconds
from dash_ui.tree import Element, Tree
from dash_ui.view import View

#: Models that have a card. Each card is a part of its own, so that a refresh is small however many there are.
MOST = 24
CARDS = tuple(f"models-card-{place}" for place in range(MOST))
#: Windows of the chart, and the one that is shown first. Changes are too rare for the last minute.
WINDOWS, USUAL = tuple(name for name in past.WINDOWS if name != "1m"), "1h"


def frame() -> list[Component]:
    """The plane of accuracy against time, the times since when and what changed them, and the models, still empty."""
    times = [Tree("models-times"), Tree("models-changes")]
    return [
        html.Div(
            [
                _section("plane", [html.Span(say("plane.hint"), className="muted small-text")], [Tree("models-plane")]),
                _section("changes", [Tree("models-tools", className="tools")], times),
            ],
            className="charts models-charts",
        ),
        html.Div([Tree("models-cards"), *map(Tree, CARDS)], className="model-cards"),
    ]


def _section(name: str, more: list[Component], content: list[Component]) -> html.Section:
    words = say(f"{name}.heading")
    head = html.Div([html.H2(words), *more], className="section-head")
    return html.Section([head, *content], className="card", **{"aria-label": words})


def wants(view: View, board: Board) -> Iterable[Ask]:
    """Figures over the longest window: accuracy needs many images; the past, its changes, and all versions."""
    name = view.pick("window", (USUAL, *WINDOWS))
    yield asks.stats("15m")
    yield past.ask(name)
    yield changes.ask(past.WINDOWS[name])
    yield from (versions.ask(model) for model in board.models)


def parts(scene: Scene) -> Iterable[Part]:
    """What the page shows now."""
    board, name = scene.board, scene.view.pick("window", (USUAL, *WINDOWS))
    served, figures_answer = scene.answer(asks.models()), scene.answer(asks.stats("15m"))
    stats = Stats.parse(figures_answer.data) if figures_answer and figures_answer.data else None
    points = plane.points(stats.models, board.models) if stats else None
    why = figures_answer and figures_answer.error
    yield tree("models-plane", (points, why and notices.why(why)), lambda: _plane(points, figures_answer))
    history, changed = board.histories.newest(scene.answer, name), scene.answer(changes.ask(past.WINDOWS[name]))
    seen = board.revisions.models
    yield tree("models-tools", scene.view, lambda: _tools(scene.view))
    yield tree("models-times", (name, history, changed, seen), lambda: _times(name, history, changed, board))
    yield tree("models-changes", (changed, seen), lambda: _changes(changed, board))
    yield from _cards(scene, served, {row.model: row for row in stats.models} if stats else {})


def _tools(view: View) -> Component:
    words = {window: say(f"window.{window}") for window in WINDOWS}
    return controls.segments(view, "window", words, say("window.label"), USUAL)


def _plane(points: list[plane.Point] | None, answer: Answer | None) -> Component | Element:
    if points is not None:
        return plane.draw(points, say("plane.time"))
    return notices.awaited(answer)


def _times(
    name: str, history: Answer | None, changed: Answer | None, board: Board
) -> Component | list[Component | Element]:
    """The time to the answer, with a mark wherever another version began to serve."""
    if history is None or history.data is None:
        return notices.failed(history.error) if history else html.Div(className="skeleton line")
    window, begin = past.WINDOWS[name], datetime.fromisoformat(history.data["from"])
    marks = changes.marks(changed.data, window, begin) if changed and changed.data else []
    series = past.series(history.data, window, past.latency)
    span = say("compare.ago", span=say(f"window.{name}"))
    trouble = [notices.failed(history.error)] if history.error else []
    return [*trouble, lines.chart(series, board.models, window.count, span, milliseconds, marks=marks)]


def _changes(changed: Answer | None, board: Board) -> Component | None:
    if changed is None:
        return None
    if changed.data is None:
        return notices.failed(changed.error)
    found = changes.listing(changes.parse(changed.data), board.models)
    return found or html.P(say("changes.none"), className="muted small-text")


def _cards(scene: Scene, answer: Answer | None, rows: Mapping[str, ModelStats]) -> Iterable[Part]:
    """A card for each model by name, each a part; the places behind them stay empty."""
    models = sorted(answer.data["models"], key=lambda model: str(model["model"])) if answer and answer.data else []
    yield tree("models-cards", (answer, len(models)), lambda: _instead(answer, len(models)))
    for place, card in enumerate(CARDS):
        model = models[place] if place < len(models) else None
        row = rows.get(model["model"]) if model else None
        known = scene.answer(versions.ask(model["model"])) if model else None
        state = (model, row, known, scene.board.revisions.models if model else 0)
        yield tree(card, state, partial(_placed, model, row, known, scene.board))


def _placed(
    model: dict[str, Any] | None, row: ModelStats | None, known: Answer | None, board: Board
) -> list[html.Section]:
    return [serving.card(model, row, known, board)] if model else []


def _instead(answer: Answer | None, models: int) -> Component | None:
    """What stands before the cards, or in their place."""
    if answer is None:
        return html.Div(className="skeleton")
    if answer.data is None:
        return notices.failed(answer.error)
    if not models:
        return html.P(say("models.none"), className="muted no-figures")
    hidden = max(0, models - MOST)
    return html.P(say("models.hidden", n=hidden, number=count(hidden)), className="muted") if hidden else None
