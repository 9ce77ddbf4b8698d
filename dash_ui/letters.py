"""Dead letters: why an image could not be done, and trying again."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from dash_ui import asks, controls
from dash_ui.asks import Answer, Ask
from dash_ui.language import known, say
from dash_ui.texts import shorten
from dash_ui.tree import Element
from dash_ui.view import View, link

STATES = ("open", "retried", "discarded")
LIMIT = 15
#: An error is cut after so many characters: all of the page is one refresh.
ERROR_CHARS = 300


def ask(view: View) -> Ask:
    """A page of the letters in the state that is looked at."""
    return asks.letters({"status": view.pick("status", STATES), "before": view.get("letters"), "limit": str(LIMIT)})


def tools(view: View, answer: Answer | None) -> list[Component]:
    """Which letters to see, and retrying all of them."""
    words = {name: say(f"letters.{name}") for name in STATES}
    chosen = controls.segments(View.parse(view.url(letters=None)), "status", words, say("letters.state"))
    some = answer is not None and answer.data and answer.data["dead_letters"] and view.pick("status", STATES) == "open"
    return (
        [controls.asked(say("letters.retry_all"), {"do": "retry_all"}, say("letters.confirm_all")), chosen]
        if some
        else [chosen]
    )


def table(view: View, page: dict[str, Any]) -> html.Div:
    """One row for each letter; what the letter says is shown as text, whatever it is."""
    letters = page["dead_letters"]
    if not letters:
        return html.Div(html.P(say("letters.none"), className="muted no-figures"))
    names = ("when", "model", "stage", "reason", "image")
    head = [html.Th(say(f"letters.{name}"), scope="col", className="left") for name in names] + [
        html.Th("", scope="col")
    ]
    older = view.url(letters=str(page["next"])) if page.get("next") else None
    more = [html.A(say("images.older"), href=older, className="button quiet small")] if older else []
    body = html.Tbody([_row(letter) for letter in letters])
    return html.Div(
        [html.Table([html.Thead(html.Tr(head)), body], className="stats letters"), html.Nav(more, className="paging")]
    )


def _row(letter: dict[str, Any]) -> html.Tr:
    image = letter.get("image_id")
    opened = html.A(str(image)[:8], href=link("images", open=str(image)), className="linklike") if image else "–"
    reason, stage = str(letter["reason"]), str(letter["stage"])
    error = shorten(str(letter["error"]), ERROR_CHARS)
    cells: list[Any] = [
        controls.time(str(letter["timestamp"])),
        str(letter.get("model") or "–"),
        known(f"stage.{stage}", stage),
        html.Div([html.B(reason), Element("div", {"className": "muted wrap"}, [error])]),
        opened,
    ]
    buttons = [
        controls.button(say(f"letters.{verb}"), {"do": verb, "id": letter["id"]}, className="small quiet")
        for verb in ("retry", "discard")
    ]
    left = [html.Td(cell, className="left") for cell in cells]
    return html.Tr(
        [*left, html.Td(buttons if letter["status"] == "open" else say(f"letters.{letter['status']}"))],
        key=str(letter["id"]),
    )
