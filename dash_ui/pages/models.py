"""The models page: what serves now, how good and how fast it is, and looking for a new version."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from dash import html
from dash.development.base_component import Component

from dash_ui import asks, changes, controls, figures, lines, notices, past, plane, versions
from dash_ui.asks import Answer, Ask
from dash_ui.board import Board
from dash_ui.cards import badge
from dash_ui.data import ModelStats, Stats
from dash_ui.language import known, say
from dash_ui.parts import Part, Scene, tree
from dash_ui.texts import count, milliseconds, ms, number, percent, rate
from dash_ui.tree import Element, Tree
from dash_ui.view import View

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
        Tree("models-cards", className="model-cards"),
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
    serving, figures_answer = scene.answer(asks.models()), scene.answer(asks.stats("15m"))
    stats = Stats.parse(figures_answer.data) if figures_answer and figures_answer.data else None
    points = [] if stats is None else plane.points(stats.models, board.models)
    yield tree("models-plane", points, lambda: plane.draw(points))
    history, changed = past.newest(scene.answer, name), scene.answer(changes.ask(past.WINDOWS[name]))
    seen = board.revisions.models
    yield tree("models-tools", scene.view, lambda: _tools(scene.view))
    yield tree("models-times", (name, history, changed, seen), lambda: _times(name, history, changed, board))
    yield tree("models-changes", (changed, seen), lambda: _changes(changed, board))
    known = {model: scene.answer(versions.ask(model)) for model in board.models}
    yield tree("models-cards", (serving, stats, seen, known), lambda: _cards(scene, serving, stats, known))


def _tools(view: View) -> Component:
    words = {window: say(f"window.{window}") for window in WINDOWS}
    return controls.segments(view, "window", words, say("window.label"), USUAL)


def _times(name: str, history: Answer | None, changed: Answer | None, board: Board) -> Component | Element:
    """The time to the answer, with a mark wherever another version began to serve."""
    if history is None or history.data is None:
        return notices.failed(history.error) if history else html.Div(className="skeleton line")
    window, begin = past.WINDOWS[name], datetime.fromisoformat(history.data["from"])
    marks = changes.marks(changed.data, window, begin) if changed and changed.data else []
    series = past.series(history.data, window, past.latency)
    span = say("compare.ago", span=say(f"window.{name}"))
    return lines.chart(series, board.models, window.count, span, milliseconds, marks=marks)


def _changes(changed: Answer | None, board: Board) -> Component | None:
    if changed is None:
        return None
    if changed.data is None:
        return notices.failed(changed.error)
    found = changes.listing(changes.parse(changed.data), board.models)
    return found or html.P(say("changes.none"), className="muted small-text")


def _cards(
    scene: Scene, answer: Answer | None, stats: Stats | None, known: Mapping[str, Answer | None]
) -> list[Component]:
    if answer is None:
        return [html.Div(className="skeleton") for _ in range(3)]
    if answer.data is None:
        return [notices.failed(answer.error)]
    rows = {row.model: row for row in stats.models} if stats else {}
    models = sorted(answer.data["models"], key=lambda model: str(model["model"]))
    if not models:
        return [html.P(say("models.none"), className="muted no-figures")]
    return [_card(model, rows.get(model["model"]), known.get(model["model"]), scene.board) for model in models]


def _card(model: dict[str, Any], row: ModelStats | None, known: Answer | None, board: Board) -> html.Section:
    name = str(model["model"])
    untrained = [] if model.get("trained", True) else [badge("untrained", "warn")]
    head = html.Div(
        [html.H2(html.Span(name, className="model")), *untrained, html.Div(_reload(name), className="tools")],
        className="section-head",
    )
    error = model.get("reload_error")
    trouble = [html.P(say("models.error", error=error["error"]), className="trouble", role="alert")] if error else []
    return html.Section(
        [
            head,
            *trouble,
            html.Div([_figures(model, row), controls.rows(_facts(model))], className="columns"),
            *versions.listing(name, str(model.get("weights") or ""), known),
        ],
        className="card",
        style={"--model": figures.colour(name, board.models)},
        **{"aria-label": name, "data-model": name},
    )


def _reload(name: str) -> html.Button:
    """An order that is asked about before it is given."""
    return controls.asked(say("models.reload"), {"do": "reload", "model": name}, say("models.confirm", model=name))


def _figures(model: dict[str, Any], row: ModelStats | None) -> html.Div:
    """The key figures, large: those of now, and the accuracy on pictures that training did not see."""
    test = model.get("accuracy") or {}
    interval = (
        say(
            "models.interval",
            low=percent(test["low"], 1),
            high=percent(test["high"], 1),
            number=count(test["pictures"]),
        )
        if test
        else ""
    )
    shown = [
        (say("models.accuracy_test"), percent(test.get("value"), 1), interval),
        (say("models.accuracy_live"), percent(row.accuracy if row else None, 1), say("models.last_15m")),
        (
            say("models.p50"),
            f"{ms(row.p50_ms if row else None)} ms",
            say("models.p95", p95=ms(row.p95_ms if row else None)),
        ),
        (
            say("models.rate"),
            rate(row.rate if row else None),
            say("models.images", number=count(row.images if row else 0)),
        ),
    ]
    return html.Div([_figure(*one) for one in shown], className="key-figures")


def _figure(name: str, value: str, more: str) -> html.Div:
    return html.Div([html.Div(name, className="kicker"), html.B(value), html.Div(more, className="muted")])


def _facts(model: dict[str, Any]) -> list[tuple[str, Any]]:
    """What is known of the weights and of who serves them."""
    reload = model.get("last_reload") or {}
    pairs = [
        ("version", model.get("model_version")),
        ("weights", model.get("weights")),
        ("architecture", model.get("architecture")),
        ("runtime", f"{model.get('runtime', '')} · {model.get('precision', '')}".strip(" ·")),
        ("input", f"{model['input_size']} × {model['input_size']}" if model.get("input_size") else None),
        ("parameters", f"{number(model['parameters'] / 1e6, 2)} M" if model.get("parameters") else None),
        ("flops", f"{number(model['flops'] / 1e9, 2)} GFLOP" if model.get("flops") else None),
        ("loaded", controls.time(str(model["loaded_at"])) if model.get("loaded_at") else None),
        ("workers", count(model["worker_count"]) if "worker_count" in model else None),
        ("last_reload", _reloaded(reload) if reload else None),
    ]
    return [(say(f"models.{name}"), value) for name, value in pairs if value]


def _reloaded(reload: dict[str, Any]) -> list[Any]:
    outcome = str(reload["outcome"])
    return [known(f"models.outcome_{outcome}", outcome), " · ", controls.time(str(reload["at"]))]
