"""Images in short: a small picture and what each model says. A click opens the image."""

from collections.abc import Mapping, Sequence

from dash import html

from dash_ui import figures
from dash_ui.cards import in_order, mark
from dash_ui.data import Race
from dash_ui.language import say
from dash_ui.texts import NOTHING, class_name
from dash_ui.view import View


def film_strip(races: Sequence[Race], models: Sequence[str], view: View) -> list[html.A]:
    """The newest images; a click pins one, another click lets it go."""
    pinned = view.get("pin")
    return [
        frame(race, models, race.image_id == pinned, view.url(pin=None if race.image_id == pinned else race.image_id))
        for race in races
    ]


def frame(race: Race, models: Sequence[str], chosen: bool, url: str) -> html.A:
    """One image, a link to `url`."""
    answers = {answer.model: class_name(answer.prediction) for answer in race.answers}
    names, silent = in_order(race, models), say("race.no_answer")
    lines = [
        html.Span(answers.get(name, NOTHING), className="say", style={"--model": figures.colour(name, models)})
        for name in names
    ]
    words = ", ".join(f"{name}: {answers.get(name, silent)}" for name in names)
    return html.A(
        [
            html.Span([html.Img(src=f"/thumb/{race.image_id}", alt=""), *mark(race.consensus, race.label)]),
            *lines,
        ],
        key=race.image_id,
        href=url,
        className="frame pinned" if chosen else "frame",
        title=words,
        **({"aria-current": "true"} if chosen else {}),
    )


def cameras(newest: Mapping[str, Race], models: Sequence[str], view: View) -> list[html.Section]:
    """A tile for each camera with its newest image; a click shows that camera alone, another one all again."""
    if not newest:
        return []
    chosen = view.get("camera")
    tiles = [_camera(name, race, name == chosen, models, view) for name, race in newest.items()]
    head = [html.H2(say("cameras.heading")), html.Span(say("cameras.hint"), className="muted hint")]
    return [
        html.Section(
            [html.Div(head, className="section-head"), html.Div(tiles, className="strip cameras")], className="card"
        )
    ]


def _camera(name: str, race: Race, chosen: bool, models: Sequence[str], view: View) -> html.Div:
    tile = frame(race, models, chosen, view.url(camera=None if chosen else name, pin=None))
    return html.Div([html.H3(name), tile], key=name)
