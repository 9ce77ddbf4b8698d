"""The ledger as people read it: green when every accepted image is accounted for."""

from typing import Any

from dash import html

from dash_ui import figures
from dash_ui.board import Board
from dash_ui.language import say
from dash_ui.texts import count

COLUMNS = ("accepted", "predicted", "dead", "shed", "in_flight")


def verdict(books: dict[str, Any]) -> html.Span:
    """Whether it adds up: yes, no, or not to be said while something moves."""
    state = _state(books["adds_up"])
    return html.Span(say(f"ledger.{state}"), className=f"state state-{state}", role="status")


def _state(adds_up: bool | None) -> str:
    return "moving" if adds_up is None else "balanced" if adds_up else "broken"


def table(books: dict[str, Any], board: Board) -> html.Div:
    """One row for each model: accepted = predicted + dead + left out + in flight."""
    head = [html.Th(say("stats.model"), scope="col", className="model-cell")]
    head += [html.Th(say(f"ledger.{name}"), scope="col", title=say(f"ledger.{name}_why")) for name in COLUMNS]
    head += [html.Th(say("ledger.lag"), scope="col", title=say("ledger.lag_why")), html.Th("", scope="col")]
    rows = html.Tbody([_row(account, board) for account in books["models"]])
    return html.Div([html.Table([html.Thead(html.Tr(head)), rows], className="stats"), _notes(books)])


def _row(account: dict[str, Any], board: Board) -> html.Tr:
    name, state = str(account["model"]), _state(account["adds_up"])
    numbers = [html.Td(count(account[column])) for column in COLUMNS]
    lag = html.Td(count((account.get("stream") or {}).get("lag")))
    mark = html.Td(html.Span(say(f"ledger.{state}_short"), className=f"state state-{state}"))
    return html.Tr(
        [html.Th(html.Span(name, className="model"), scope="row", className="model-cell"), *numbers, lag, mark],
        style={"--model": figures.colour(name, board.models)},
        **{"data-model": name},
    )


def _notes(books: dict[str, Any]) -> html.P:
    """What else is on the books."""
    shown = {
        "pending": books["pending"],
        "unrecorded": books["unrecorded"],
        "lost": len(books["lost"]),
        "letters": books["open_letters"],
        "unreadable": books["unreadable"],
    }
    words = [say(f"ledger.note_{name}", n=value, number=count(value)) for name, value in shown.items() if value]
    return html.P(" · ".join(words) or say("ledger.note_none"), className="muted no-figures")
