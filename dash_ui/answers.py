"""What an image in review shows, to be said by a click or a key."""

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from dash_ui import controls
from dash_ui.data import Race
from dash_ui.language import say
from dash_ui.texts import class_name

#: The keys of the first classes, and the most classes that have a button.
KEYS = "1234567890"
SHOWN = 40


def buttons(race: Race | None, classes: Sequence[str], passed: bool) -> list[Component]:
    """A button for each class with its key, and the steps to the next image and back to one that was left for later.

    When there are too many classes for keys, the answers of the models come first.
    """
    steps = [_step("back", {"do": "back"}, "ArrowLeft")] if passed else []
    if race is None:
        return list(steps)
    said = list(dict.fromkeys(answer.prediction for answer in race.answers))
    shown = list(classes) if len(classes) <= len(KEYS) else [*said, *(name for name in classes if name not in said)]
    named = [
        _class(race, name, KEYS[number] if number < len(KEYS) else "", name in said)
        for number, name in enumerate(shown[:SHOWN])
    ]
    steps.append(_step("skip", {"do": "pass", "image_id": race.image_id}, "ArrowRight"))
    label = {"aria-label": say("review.classes")}
    hint = html.P(say("review.hint"), className="muted hint-line")
    return [html.Div([*named, html.Span(steps, className="steps")], className="classes", role="group", **label), hint]


def _step(word: str, order: dict[str, str], key: str) -> html.Button:
    """One image on or back."""
    button = controls.button(say(f"review.{word}"), order, className="small quiet")
    setattr(button, "data-key", key)
    return button


def _class(race: Race, name: str, key: str, said: bool) -> html.Button:
    button = controls.button(
        "", {"do": "label", "image_id": race.image_id, "label": name}, className="small" if said else "small quiet"
    )
    button.children = [html.Kbd(key), " ", class_name(name)] if key else class_name(name)
    if key:
        setattr(button, "data-key", key)
    return button
