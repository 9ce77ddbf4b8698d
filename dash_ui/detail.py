"""One image in detail: its race, what is known of it, each model's best classes, and the messages as they are."""

import json
from typing import Any

from dash import html
from dash.development.base_component import Component

from dash_ui import cards, controls, figures, notices
from dash_ui.asks import Answer
from dash_ui.board import Board
from dash_ui.data import Race
from dash_ui.language import say
from dash_ui.texts import class_name, percent, size, source_name
from dash_ui.tree import Element
from dash_ui.view import View

#: Classes of each model that are listed.
BEST = 4


def dialog(view: View, answer: Answer | None, board: Board) -> Element:
    """A dialog over the page; `assets/page.js` opens it as such, and closing it leads back."""
    back = view.url(open=None)
    close = html.A("×", href=back, className="close", **{"aria-label": say("detail.close")})
    head = html.Div([html.H2(say("detail.heading"), id="detail-heading"), close], className="section-head")
    props = {"className": "card detail", "data-back": back, "aria-labelledby": "detail-heading"}
    return Element("dialog", props, [head, *_content(answer, board)])


def _content(answer: Answer | None, board: Board) -> list[Component]:
    if answer is None:
        return [notices.loading()]
    if answer.data is None:
        return [notices.missing(notices.why(answer.error))]
    race = Race.from_image(answer.data)
    return [
        cards.race_card(race, board.models, board.untrained, original=True),
        html.Div([_facts(answer.data["image"]), _best(answer.data["predictions"], board)], className="columns"),
        _raw(answer.data),
    ]


def _facts(image: dict[str, Any]) -> html.Div:
    width, height = image.get("width"), image.get("height")
    known = [
        (say("detail.id"), html.Code(image["image_id"])),
        (say("detail.time"), controls.time(str(image["timestamp"]))),
        (say("images.source"), source_name(str(image["source"]))),
        (say("images.camera"), image.get("camera_id")),
        (say("detail.pixels"), f"{width} × {height}" if width and height else None),
        (say("detail.size"), size(image["size_bytes"]) if image.get("size_bytes") else None),
        (say("detail.kind"), image.get("content_type")),
        (say("detail.sha256"), html.Code(image["sha256"]) if image.get("sha256") else None),
    ]
    save = html.A(
        say("detail.original"),
        href=f"/original/{image['image_id']}",
        download=str(image["image_id"]),
        className="button quiet small",
    )
    return html.Div([html.H3(say("detail.facts")), controls.rows([pair for pair in known if pair[1]]), save])


def _best(predictions: list[dict[str, Any]], board: Board) -> html.Div:
    """The first classes of each model with their probabilities."""
    lists = [
        html.Div(
            [html.Span(one["model"], className="model"), *map(_class, one.get("top_k", [])[:BEST])],
            className="best",
            style={"--model": figures.colour(one["model"], board.models)},
        )
        for one in predictions
    ]
    return html.Div([html.H3(say("detail.best")), *lists])


def _class(pair: list[Any]) -> html.Div:
    name, probability = str(pair[0]), float(pair[1])
    return html.Div([html.Span(class_name(name)), html.Span(percent(probability, 1)), controls.progress(probability)])


def _raw(data: dict[str, Any]) -> html.Details:
    text = json.dumps(data, indent=1, ensure_ascii=False)
    return html.Details([html.Summary(say("detail.raw")), html.Pre(text, tabIndex=0)])
