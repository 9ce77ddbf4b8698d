"""The images page: every image that was ever accepted, filtered and page by page, and one of them in detail."""

from collections.abc import Iterable
from typing import Any

from dash import html
from dash.development.base_component import Component

from dash_ui import asks, controls, detail, notices, strip
from dash_ui.asks import Ask
from dash_ui.board import Board
from dash_ui.data import Race
from dash_ui.language import say
from dash_ui.parts import Part, Scene, tree
from dash_ui.texts import class_name, percent, source_name
from dash_ui.tree import Tree
from dash_ui.view import View

SOURCES = ("upload", "webcam", "cifar10", "folder", "unsplash")
#: What may be filtered by; each is also what the API calls it.
CHOICES = ("source", "label", "consensus")

#: The least disagreement to show, of 0 (all say the same) to 1.
DIFFERING = ("0.1", "0.3", "0.5")
#: More classes than this are typed, not chosen.
MOST_CHOICES = 60


def frame() -> list[Component]:
    """The filters, the grid and the detail of one image, still empty."""
    return [
        html.Section(
            [
                html.Div(
                    [html.H2(say("images.heading")), Tree("images-filter", className="tools")], className="section-head"
                ),
                Tree("images-grid"),
            ],
            className="card",
            **{"aria-label": say("images.heading")},
        ),
        Tree("images-detail"),
    ]


def wants(view: View, _board: Board) -> Iterable[Ask]:
    """A page of images, and one of them."""
    yield _page(view)
    if view.get("open"):
        yield asks.image(view.get("open"))


def _page(view: View) -> Ask:
    return asks.images({name: view.get(name) for name in (*CHOICES, "camera", "disagreement", "before")})


def parts(scene: Scene) -> Iterable[Part]:
    """What the page shows now."""
    view, board = scene.view, scene.board
    answer = scene.answer(_page(view))
    closed = View.parse(view.url(open=None))
    yield tree("images-filter", (closed, tuple(board.classes)), lambda: _filters(closed, board.classes))
    yield tree("images-grid", (answer, closed, board.revisions.models), lambda: _grid(scene, answer))
    opened = scene.answer(asks.image(view.get("open"))) if view.get("open") else None
    state = (view.get("open"), opened, board.revisions.models)
    yield tree("images-detail", state, lambda: detail.dialog(view, opened, board) if view.get("open") else None)


def _filters(view: View, classes: list[str]) -> html.Form:
    anything = {"": say("images.any")}
    sources = anything | {name: source_name(name) for name in SOURCES}
    named = anything | {name: class_name(name) for name in classes}
    differing = anything | {share: say("images.at_least", share=percent(float(share))) for share in DIFFERING}
    few = len(classes) <= MOST_CHOICES
    fields = [
        controls.select("source", say("images.source"), sources, view.get("source")),
        *(
            controls.select(name, say(f"images.{name}"), named, view.get(name))
            if few
            else controls.text_field(name, say(f"images.{name}"), view.get(name))
            for name in ("label", "consensus")
        ),
        controls.text_field("camera", say("images.camera"), view.get("camera")),
        controls.select("disagreement", say("images.disagreement"), differing, view.get("disagreement")),
    ]
    reset = [html.A(say("images.reset"), href=View(view.page).url(), className="linklike")] if view.params else []
    return html.Form([*fields, *reset], action=View(view.page).url(), **{"data-filter": "images"}, className="filter")


def _grid(scene: Scene, answer: asks.Answer | None) -> list[Component]:
    if answer is None:
        return [html.Div([html.Div(className="skeleton") for _ in range(12)], className="gallery loading")]
    if answer.data is None:
        return [notices.failed(answer.error)]
    view, models = View.parse(scene.view.url(open=None)), scene.board.models
    races = [Race.from_image(item) for item in answer.data["images"]]
    tiles = [strip.frame(race, models, False, view.url(open=race.image_id)) for race in races]
    if not tiles:
        return [html.P(say("images.none" if view.params else "images.empty"), className="muted no-figures")]
    stale = [notices.failed(answer.error)] if answer.error else []
    return [*stale, html.Div(tiles, className="gallery"), _paging(view, answer.data)]


def _paging(view: View, page: dict[str, Any]) -> html.Nav:
    """The way to older images and back to the newest; the browser's own way back leads to the page before."""
    newest = [html.A(say("images.newest"), href=view.url(before=None), className="button quiet small")]
    older = [html.A(say("images.older"), href=view.url(before=page["next"]), className="button quiet small")]
    links = (newest if view.get("before") else []) + (older if page.get("next") else [])
    return html.Nav(links, className="paging", **{"aria-label": say("images.pages")})
