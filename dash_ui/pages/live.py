"""The live page: the newest image and its race, the last images, the cameras, and the figures of each model."""

from collections.abc import Iterable
from datetime import UTC, datetime

from dash import html
from dash.development.base_component import Component

from dash_ui import asks, cards, controls, notices, strip, table, webcam
from dash_ui.asks import Answer, Ask
from dash_ui.board import Board, strip_of
from dash_ui.data import WINDOWS, Race, Stats
from dash_ui.language import say
from dash_ui.parts import Part, Scene, prop, tree
from dash_ui.texts import age, count, source_name
from dash_ui.tree import Tree
from dash_ui.view import View

# An image that stays this long is worth its original; those that fly by are shown as thumbnails.
SETTLED_S = 1.0


def frame() -> list[Component]:
    """The race, the strip, the cameras and the figures, still empty."""
    race = [
        html.H2(say("race.newest"), id="race-title"),
        html.Span(id="race-meta", className="muted"),
        Tree("race-tools", className="tools"),
    ]
    hint = html.Span(say("race.drop"), className="muted hint")
    return [
        _card("race.label", race, Tree("race", notices.loading())),
        webcam.panel(),
        _card("race.latest_label", [html.H2(say("race.latest")), hint], Tree("strip", className="strip")),
        Tree("cameras"),
        _card(
            "stats.label",
            [html.H2(say("stats.heading")), Tree("window", className="tools")],
            html.Div(Tree("stats"), className="scroll", tabIndex=0),
        ),
    ]


def _card(label: str, head: list[Component], body: Component) -> html.Section:
    return html.Section(
        [html.Div(head, className="section-head"), body], className="card", **{"aria-label": say(label)}
    )


def wants(view: View, board: Board) -> Iterable[Ask]:
    """The image that is pinned, where the board does not have it, and figures that are not pushed."""
    pinned = view.get("pin")
    known = board.race(pinned) if pinned else None
    if pinned and (known is None or known.pending):
        yield asks.image(pinned)
    if (window := view.pick("window", WINDOWS)) != WINDOWS[0]:
        yield asks.stats(window)
    yield asks.system()


def parts(scene: Scene) -> Iterable[Part]:
    """What the page shows now."""
    race, why = _shown(scene)
    pinned, held = bool(scene.view.get("pin")), scene.session.held
    yield prop("race-title", "children", say("race.pinned" if pinned else "race.held" if held else "race.newest"))
    yield prop("race-meta", "children", origin(race) if race else "")
    yield _tools(scene, pinned)
    yield _race(scene, race, why)
    yield _strip(scene)
    yield _cameras(scene)
    yield tree("window", scene.view, lambda: _windows(scene.view))
    yield _table(scene)


# -- the race --------------------------------------------------------------------------------------
def _newest(scene: Scene) -> list[Race]:
    """The newest images, or those that were the newest when the page was paused."""
    held, camera = scene.session.held, scene.view.get("camera")
    return strip_of(held.races, camera) if held else scene.board.latest(camera)


def _shown(scene: Scene) -> tuple[Race | None, str]:
    """The image to show, or why there is none."""
    pinned = scene.view.get("pin")
    if not pinned:
        return next(iter(_newest(scene)), None), ""
    known, answer = scene.board.race(pinned), scene.answer(asks.image(pinned))
    if known is not None or answer is None:
        return known, ""
    return (Race.from_image(answer.data), "") if answer.data else (None, notices.why(answer.error))


def _tools(scene: Scene, pinned: bool) -> Part:
    held = scene.session.held
    new = scene.board.taken - held.taken if held else None
    return tree("race-tools", (scene.view, new), lambda: _buttons(scene.view, pinned, new))


def _buttons(view: View, pinned: bool, new: int | None) -> list[Component]:
    if pinned:
        return [html.A(say("race.follow"), href=view.url(pin=None), className="button small", id="follow")]
    if new is None:
        return [controls.button(say("race.pause"), {"do": "pause"}, className="small quiet")]
    missed = [html.Span(say("race.missed", n=new, number=count(new)), className="muted")] if new else []
    return [*missed, controls.button(say("race.resume"), {"do": "resume"})]


def _race(scene: Scene, race: Race | None, why: str) -> Part:
    board = scene.board
    if race is not None:
        original = _settled(scene, race)
        state = (race, board.revisions.models, original)
        return tree("race", state, lambda: cards.race_card(race, board.models, board.untrained, original))
    if why:
        return tree("race", why, lambda: notices.missing(why))
    if scene.view.get("pin") or board.link.state == "connecting":
        return tree("race", "loading", notices.loading)
    down = board.link.state != "live"
    return tree("race", ("waiting", down), lambda: notices.waiting(down))


def _settled(scene: Scene, race: Race) -> bool:
    """Whether the image shown has been there for a while (and its original can be had)."""
    stays = scene.session.stays(race.image_id) >= SETTLED_S or race.image_id == scene.view.get("pin")
    return stays and scene.board.link.state == "live"


def _strip(scene: Scene) -> Part:
    board, view, held = scene.board, scene.view, scene.session.held
    state = (held.taken if held else board.revisions.races, board.revisions.models, view)
    return tree("strip", state, lambda: strip.film_strip(_newest(scene), board.models, view))


def _cameras(scene: Scene) -> Part:
    board, view = scene.board, scene.view
    newest = board.cameras()
    return tree("cameras", (tuple(newest.values()), view), lambda: strip.cameras(newest, board.models, view))


# -- the figures -----------------------------------------------------------------------------------
def _windows(view: View) -> html.Nav:
    return controls.segments(view, "window", {name: say(f"window.{name}") for name in WINDOWS}, say("window.label"))


def _stats(scene: Scene) -> Answer:
    """The figures of the window, or why there are none."""
    window = scene.view.pick("window", WINDOWS)
    if window == WINDOWS[0]:
        return Answer(scene.board.stats)
    answer = scene.answer(asks.stats(window)) or Answer()
    return Answer(Stats.parse(answer.data), answer.error) if answer.data else answer


def _lags(scene: Scene) -> dict[str, int]:
    """How many images each model has not finished, where it is known."""
    answer = scene.answer(asks.system())
    lags = answer.data["lags"] if answer and answer.data else {}
    return {model: lags[group] for model in scene.board.models if (group := f"streamapp-{model}") in lags}


def _table(scene: Scene) -> Part:
    board, answer, lags = scene.board, _stats(scene), _lags(scene)
    stats = answer.data
    if stats is None and answer.error is not None:
        return tree("stats", notices.why(answer.error), lambda: notices.failed(answer.error))
    if stats is None or not stats.models:
        words = say("stats.none" if stats else "stats.waiting")
        return tree("stats", words, lambda: notices.no_figures(words))
    known = table.Known(board.models, board.untrained, board.facts, lags, list(board.trend))
    state = (stats, lags, board.revisions.models, board.revisions.stats)
    return tree("stats", state, lambda: table.stats_table(stats, known))


def origin(race: Race) -> str:
    """Where an image comes from and how long ago it came, in one line."""
    seconds = (datetime.now(UTC) - race.timestamp).total_seconds()
    camera = say("race.camera", camera=race.camera_id) if race.camera_id else ""
    return " · ".join(word for word in (source_name(race.source), camera, age(seconds)) if word)
