"""Small things that people click; each choice is a link, so the URL says what the page shows."""

from collections.abc import Mapping, Sequence
from json import dumps
from typing import Any

from dash import html

from dash_ui.tree import Element
from dash_ui.view import View


def segments(view: View, name: str, words: Mapping[str, str], label: str, usual: str = "") -> html.Nav:
    """One of a few: each value of the parameter `name` with its word; the usual one (the first) goes without saying."""
    first = usual or next(iter(words))
    chosen = view.pick(name, (first, *words))
    links = [
        html.A(
            word,
            href=view.url(**{name: None if value == first else value}),
            **({"aria-current": "true"} if value == chosen else {}),
        )
        for value, word in words.items()
    ]
    return html.Nav(links, className="segments", **{"aria-label": label})


def button(word: str, order: Mapping[str, Any], className: str = "small") -> html.Button:
    """A button that sends an order to `actions`."""
    return html.Button(word, type="button", className=f"button {className}", **{"data-act": dumps(order)})


def asked(word: str, order: Mapping[str, Any], question: str) -> html.Button:
    """A button whose order is sent only when the question is answered with yes."""
    asking = button(word, order, className="small quiet")
    setattr(asking, "data-confirm", question)
    return asking


def select(name: str, label: str, words: Mapping[str, str], chosen: str) -> html.Label:
    """A choice in a form; its value goes into the URL."""
    options = [Element("option", {"value": value}, [word]) for value, word in words.items()]
    field = Element("select", {"name": name, "defaultValue": chosen}, options)
    return html.Label([html.Span(label), field], className="field")


def text_field(name: str, label: str, value: str, hint: str = "") -> html.Label:
    """A line of text in a form; the hint stands in it while it is empty."""
    said = {"placeholder": hint} if hint else {}
    field = Element("input", {"name": name, "type": "search", "defaultValue": value, "maxLength": 200, **said})
    return html.Label([html.Span(label), field], className="field")


def moment_field(name: str, label: str, value: str) -> html.Label:
    """A moment in a form: a person reads and writes it in their own time zone, the URL has universal time."""
    field = Element("input", {"name": name, "type": "datetime-local", "defaultValue": value})
    return html.Label([html.Span(label), field], className="field moment")


def time(iso: str, style: str = "datetime") -> Element:
    """A moment, shown by the browser in its own zone and the page's language, as a `datetime`, `date` or `time`."""
    return Element("time", {"dateTime": iso, "data-style": style}, [iso])


def progress(share: float) -> html.I:
    """A thin bar that is so full."""
    return html.I(html.I(style={"width": f"{min(max(share, 0), 1) * 100:.0f}%"}), className="meter")


def rows(pairs: Sequence[tuple[str, Any]]) -> html.Dl:
    """Names and values."""
    return html.Dl([item for name, value in pairs for item in (html.Dt(name), html.Dd(value))], className="facts")
