"""The system page: how images flow, whether each is accounted for, what failed, and what is wrong now."""

from collections.abc import Iterable
from typing import Any

from dash import html
from dash.development.base_component import Component

from dash_ui import alerts, asks, figures, flow, ledger, letters, notices, stores
from dash_ui.asks import Ask
from dash_ui.board import Board
from dash_ui.language import say
from dash_ui.parts import Part, Scene, tree
from dash_ui.tree import Tree
from dash_ui.view import View

SECTIONS = ("flow", "ledger", "stores", "alerts", "letters")
#: Groups of the platform that are not models, as the ledger names their lag.
TOPICS = {"images": "images-input-stream", "answers": "predictions-output", "verdicts": "verdicts-output"}
GROUPS = {"stats": "streamapp-stats", "recorder": "streamapp-recorder"}


def frame() -> list[Component]:
    """A card for each section, still empty."""
    return [
        html.Section(
            [
                html.Div(
                    [html.H2(say(f"system.{name}")), Tree(f"{name}-tools", className="tools")], className="section-head"
                ),
                html.Div(Tree(name), className="scroll", tabIndex=0),
                *([Tree("alerts-rules")] if name == "alerts" else []),
            ],
            className="card",
            **{"aria-label": say(f"system.{name}")},
        )
        for name in SECTIONS
    ]


def wants(view: View, _board: Board) -> Iterable[Ask]:
    """The ledger, what failed and what is wrong."""
    yield asks.ledger()
    yield asks.alerts()
    yield asks.rules()
    yield asks.system()
    yield letters.ask(view)


def parts(scene: Scene) -> Iterable[Part]:
    """What the page shows now."""
    board = scene.board
    books, failed, wrong = (scene.answer(ask) for ask in (asks.ledger(), letters.ask(scene.view), asks.alerts()))
    kept = scene.answer(asks.rules())
    state = scene.answer(asks.system())
    drawn = _flow(board, books, state)
    yield tree("flow", drawn, lambda: flow.draw(drawn))
    yield tree("ledger-tools", books, lambda: ledger.verdict(books.data) if books and books.data else None)
    yield tree("ledger", (books, board.revisions.models), lambda: _or_trouble(books, lambda b: ledger.table(b, board)))
    yield tree("stores", state, lambda: _or_trouble(state, stores.figures))
    yield tree("alerts", wrong, lambda: _or_trouble(wrong, alerts.listing))
    yield tree("alerts-rules", kept, lambda: alerts.rules(kept.data) if kept and kept.data else None)
    yield tree("letters-tools", (scene.view, failed), lambda: letters.tools(scene.view, failed))
    yield tree("letters", failed, lambda: _or_trouble(failed, lambda page: letters.table(scene.view, page)))


def _or_trouble(answer: asks.Answer | None, draw: Any) -> list[Component]:
    """What an answer shows; before it a place for it, and where there is none the reason."""
    if answer is None:
        return [html.Div(className="skeleton line")]
    trouble = [notices.failed(answer.error)] if answer.error else []
    return [*trouble, draw(answer.data)] if answer.data is not None else trouble


def _flow(board: Board, answer: asks.Answer | None, state: asks.Answer | None) -> flow.Flow:
    books = answer.data if answer and answer.data else {}
    newest = state.data if state and state.data else books
    lags = newest.get("lags") or {}
    rows = {row.model: row for row in board.stats.models} if board.stats else {}
    lanes = tuple(
        flow.Lane(
            name,
            rows[name].rate if name in rows else 0,
            lags.get(f"streamapp-{name}"),
            figures.colour(name, board.models),
        )
        for name in board.models
    )
    measured = {name: topic["per_s"] for name, topic in newest.get("topics", {}).items()}
    answers = sum(lane.rate for lane in lanes)
    return flow.Flow(
        lanes,
        images=measured.get(TOPICS["images"], max((lane.rate for lane in lanes), default=0)),
        answers=measured.get(TOPICS["answers"], answers),
        verdicts=measured.get(TOPICS["verdicts"], board.rate()),
        accepted=books.get("accepted"),
        originals=newest.get("objects", {}).get("bytes"),
        waiting={name: lags.get(group) for name, group in GROUPS.items()},
    )
