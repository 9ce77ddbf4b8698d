"""The card of a model that serves: its figures, its weights, its workers and its versions."""

from typing import Any

from dash import html

from dash_ui import controls, figures, versions
from dash_ui.asks import Answer
from dash_ui.board import Board
from dash_ui.cards import badge
from dash_ui.data import ModelStats
from dash_ui.language import known as known_words
from dash_ui.language import say
from dash_ui.texts import count, ms, number, percent, rate, size


def card(model: dict[str, Any], row: ModelStats | None, known: Answer | None, board: Board) -> html.Section:
    """One model: how good and how fast it is, its weights and workers, and its versions where they are `known`."""
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
        ("size", size(model["size_bytes"]) if model.get("size_bytes") else None),
        ("loaded", controls.time(str(model["loaded_at"])) if model.get("loaded_at") else None),
        ("workers", count(model["worker_count"]) if "worker_count" in model else None),
        ("last_reload", _reloaded(reload) if reload else None),
    ]
    return [(say(f"models.{name}"), value) for name, value in pairs if value]


def _reloaded(reload: dict[str, Any]) -> list[Any]:
    outcome = str(reload["outcome"])
    return [known_words(f"models.outcome_{outcome}", outcome), " · ", controls.time(str(reload["at"]))]
