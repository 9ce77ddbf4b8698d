"""The images page: every image that was ever accepted, filtered and page by page, and one of them in detail."""

from collections.abc import Iterable
from typing import Any

from dash import html
from dash.development.base_component import Component

from dash_ui import asks, controls, detail, notices, sheet, strip
from dash_ui.asks import Answer, Ask
from dash_ui.board import Board
from dash_ui.data import Race
from dash_ui.language import say
from dash_ui.parts import Part, Scene, prop, tree
from dash_ui.sessions import Session
from dash_ui.texts import class_name, count, percent, source_name
from dash_ui.tree import Element, Tree
from dash_ui.view import View

SOURCES = ("upload", "webcam", "cifar10", "folder", "unsplash")
#: What may be filtered by; each is also what the API calls it.
FILTERS = ("q", "since", "until", "source", "camera", "label", "labelled", "consensus", "disagreement")
#: A table, or the pictures alone.
LOOKS = ("table", "pictures")

#: The least disagreement to show, of 0 (all say the same) to 1.
DIFFERING = ("0.1", "0.3", "0.5")
#: More classes than this are typed, not chosen.
MOST_CHOICES = 60
#: Fewer are more often the beginning of an id, a source or a camera than of a class.
LEAST_LETTERS = 3


def frame() -> list[Component]:
    """The filters, the grid and the detail of one image, still empty."""
    head = html.Div([html.H2(say("images.heading")), Tree("images-look", className="tools")], className="section-head")
    table = html.Div(sheet.grid("images-rows"), id="images-table", className="unseen")
    return [
        html.Section(
            [head, Tree("images-filter"), table, Tree("images-grid"), Tree("images-paging")],
            className="card",
            **{"aria-label": say("images.heading")},
        ),
        Tree("images-detail"),
    ]


def wants(view: View, board: Board) -> Iterable[Ask]:
    """A page of images, and one of them."""
    yield _page(view, board.classes)
    if view.get("open"):
        yield asks.image(view.get("open"))


def _page(view: View, classes: list[str]) -> Ask:
    fields = {name: view.get(name) for name in (*FILTERS, "before")}
    return asks.images(fields | {"q": _sought(fields["q"], classes)})


def _sought(words: str, classes: list[str]) -> str:
    """What the API is asked for: where these words begin one class' name in the reader's language alone, that class.

    A class whose own name they begin it finds by itself, and with it the ids, sources and cameras that begin so.
    """
    if len(words) < LEAST_LETTERS:
        return words
    begun = [name for name in classes if class_name(name).casefold().startswith(words.casefold())]
    return begun[0] if len(begun) == 1 and not begun[0].casefold().startswith(words.casefold()) else words


def parts(scene: Scene) -> Iterable[Part]:
    """What the page shows now."""
    view, board = scene.view, scene.board
    answer = scene.answer(_page(view, board.classes))
    closed, look = View.parse(view.url(open=None)), view.pick("look", LOOKS)
    items = answer.data["images"] if answer and answer.data else []
    table = look == LOOKS[0] and bool(items)
    state = (answer, closed, board.revisions.models)
    yield tree("images-look", closed, lambda: _looks(closed))
    yield tree("images-filter", (closed, tuple(board.classes)), lambda: _filters(closed, board.classes))
    yield prop("images-table", "className", "" if table else "unseen")
    if table:
        yield "images-rows", state, lambda: _rows(items, closed, board)
    yield tree("images-grid", (state, look), lambda: _grid(closed, answer, look, board))
    newer = _newer(scene.session, closed)
    yield tree("images-paging", (answer, closed, newer), lambda: _paging(closed, answer, newer))
    opened = scene.answer(asks.image(view.get("open"))) if view.get("open") else None
    shown = (view.get("open"), opened, board.revisions.models)
    yield tree("images-detail", shown, lambda: detail.dialog(view, opened, board) if view.get("open") else None)


def _looks(view: View) -> html.Nav:
    return controls.segments(view, "look", {look: say(f"images.look_{look}") for look in LOOKS}, say("images.look"))


def _filters(view: View, classes: list[str]) -> list[Component]:
    """The form; on a phone, all but the search are there when they are asked for."""
    more = html.Label(
        [Element("input", {"type": "checkbox"}), html.Span(say("images.filters"))], className="more-filters"
    )
    return [more, _form(view, classes)]


def _form(view: View, classes: list[str]) -> html.Form:
    anything = {"": say("images.any")}
    sources = anything | {name: source_name(name) for name in SOURCES}
    named = anything | {name: class_name(name) for name in classes}
    labelled = anything | {value: say(f"images.labelled_{value}") for value in ("true", "false")}
    differing = anything | {share: say("images.at_least", share=percent(float(share))) for share in DIFFERING}
    few = len(classes) <= MOST_CHOICES
    fields = [
        controls.text_field("q", say("images.search"), view.get("q"), hint=say("images.search_hint")),
        controls.moment_field("since", say("images.since"), view.get("since")),
        controls.moment_field("until", say("images.until"), view.get("until")),
        controls.select("source", say("images.source"), sources, view.get("source")),
        controls.text_field("camera", say("images.camera"), view.get("camera")),
        controls.select("labelled", say("images.labelled"), labelled, view.get("labelled")),
        *(
            controls.select(name, say(f"images.{name}"), named, view.get(name))
            if few
            else controls.text_field(name, say(f"images.{name}"), view.get(name))
            for name in ("label", "consensus")
        ),
        controls.select("disagreement", say("images.disagreement"), differing, view.get("disagreement")),
    ]
    look = view.get("look")
    kept = [Element("input", {"type": "hidden", "name": "look", "value": look})] if look else []
    filtered = any(view.get(name) for name in FILTERS)
    empty = View(view.page).url(look=look)
    reset = [html.A(say("images.reset"), href=empty, className="button quiet small")] if filtered else []
    return html.Form(
        [*fields, *kept, *reset], action=View(view.page).url(), **{"data-filter": "images"}, className="filter"
    )


def _rows(items: list[dict[str, Any]], view: View, board: Board) -> dict[str, Any]:
    """The properties of the grid."""
    models = board.models
    rows = [sheet.row(Race.from_image(item), models, view) for item in items]
    return {"columnDefs": sheet.columns(models), "rowData": rows}


def _grid(view: View, answer: Answer | None, look: str, board: Board) -> list[Component]:
    """The pictures, or what there is instead of images."""
    if answer is None:
        return [html.Div([html.Div(className="skeleton") for _ in range(12)], className="gallery loading")]
    if answer.data is None:
        return [notices.failed(answer.error)]
    stale = [notices.failed(answer.error)] if answer.error else []
    if not answer.data["images"]:
        filtered = any(view.get(name) for name in (*FILTERS, "before"))
        return [*stale, html.P(say("images.none" if filtered else "images.empty"), className="muted no-figures")]
    if look == LOOKS[0]:
        return stale
    races = [Race.from_image(item) for item in answer.data["images"]]
    tiles = [strip.frame(race, board.models, False, view.url(open=race.image_id)) for race in races]
    return [*stale, html.Div(tiles, className="gallery")]


def _newer(session: Session, view: View) -> str | None:
    """The URL of the page before this one, where this session came by it: the API's lists lead one way only."""
    number, same = _number(view), view.url(before=None, page=None)
    session.trail[same, number] = view.url()
    return session.trail.get((same, number - 1))


def _number(view: View) -> int:
    """Which page this is; where the list begins anew, the first."""
    said = view.get("page") if view.get("before") else ""
    return int(said) if said.isdecimal() and len(said) < 10 else 1


def _paging(view: View, answer: Answer | None, newer: str | None) -> html.Nav:
    """The way to the newest, to newer and to older images."""
    following = answer.data.get("next") if answer and answer.data else None
    links: list[Component] = []
    if view.get("before"):
        links.append(_step("images.newest", view.url(before=None, page=None)))
        links.append(html.Span(say("images.page", number=count(_number(view))), className="muted"))
    if newer:
        links.append(_step("images.newer", newer))
    if following:
        links.append(_step("images.older", view.url(before=following, page=str(_number(view) + 1))))
    return html.Nav(links, className="paging", **{"aria-label": say("images.pages")})


def _step(word: str, url: str) -> html.A:
    return html.A(say(word), href=url, className="button quiet small")
