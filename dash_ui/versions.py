"""The registered versions of a model: how good each is, which one serves, and changing over to another."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from dash import html
from dash.development.base_component import Component

from dash_ui import controls, notices
from dash_ui.asks import Answer, Ask
from dash_ui.cards import badge
from dash_ui.client import API, ApiProblem
from dash_ui.language import say
from dash_ui.texts import count, percent

#: More than this are behind a word that opens them, and no more than those are listed: a refresh is small.
SHOWN, LISTED = 4, 12
CHAMPION = "champion"
ABSENT = 404


def ask(model: str) -> Ask:
    """The versions of a model."""
    return Ask(f"{API}/models/{quote(model, safe='')}/versions", every_s=10)


def listing(model: str, weights: str, answer: Answer | None) -> list[Component]:
    """The versions, newest first, each with the button that makes it the champion; `weights` are what is served."""
    head = html.H3(say("versions.heading"))
    if answer is None:
        return [head, html.Div(className="skeleton line")]
    if answer.data is None:
        none = isinstance(answer.error, ApiProblem) and answer.error.status == ABSENT
        return [head, html.P(say("versions.none"), className="muted") if none else notices.failed(answer.error)]
    every = sorted(answer.data["versions"], key=lambda each: -int(each["version"]))
    if not every:
        return [head, html.P(say("versions.none"), className="muted")]
    champion = next((each for each in every if CHAMPION in each["aliases"]), None)
    listed = [each for place, each in enumerate(every) if place < LISTED or each is champion]
    first, rest = listed[:SHOWN], listed[SHOWN:]
    more = html.Summary(say("versions.more", n=len(rest), number=count(len(rest))))
    folded = [html.Details([more, _table(model, rest, champion)])] if rest else []
    return [
        head,
        *_elsewhere(model, weights, answer.data),
        _table(model, first, champion),
        *folded,
        *_hidden(answer.data["registered"], len(every) - len(listed)),
    ]


def _hidden(registered: str, number: int) -> list[Component]:
    """Says where the versions are that are not listed."""
    if not number:
        return []
    words = say("versions.hidden", n=number, number=count(number))
    return [html.P([words, " ", html.Code(f"streamapp models show {registered}")], className="muted small-text")]


def _elsewhere(model: str, weights: str, data: Mapping[str, Any]) -> list[Component]:
    """Says how a champion comes to serve where none of the versions does."""
    if any(model in each["served_by"] for each in data["versions"]):
        return []
    setting = html.Code(f"STREAMAPP_WEIGHTS={model}=models:/{data['registered']}@{CHAMPION}")
    words = say("versions.elsewhere", weights=weights)
    return [html.P([words, " ", setting], className="muted small-text elsewhere")]


def _table(model: str, versions: list[dict[str, Any]], champion: Mapping[str, Any] | None) -> html.Div:
    names = ("version", "accuracy", "registered")
    head = [*(html.Th(say(f"versions.{name}"), scope="col") for name in names), html.Td()]
    rows = [_row(model, each, champion) for each in versions]
    table = html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="versions")
    return html.Div(table, className="scroll", tabIndex=0)


def _row(model: str, version: Mapping[str, Any], champion: Mapping[str, Any] | None) -> html.Tr:
    is_champion = champion is version
    rate = version.get("accuracy") or {}
    interval = say("versions.interval", low=percent(rate["low"], 1), high=percent(rate["high"], 1)) if rate else ""
    badges = {"champion": is_champion, "serving": model in version["served_by"] and not is_champion}
    name = [html.B(str(version["version"])), *(badge(name, name) for name, true in badges.items() if true)]
    registered = controls.time(str(version["registered_at"]), "date")
    button = [] if is_champion else [_promote(model, version, champion)]
    return html.Tr(
        [
            html.Th(name, scope="row"),
            html.Td(percent(rate.get("value"), 1), title=interval),
            html.Td(registered),
            html.Td(button, className="do"),
        ],
        key=str(version["version"]),
    )


def _promote(model: str, version: Mapping[str, Any], champion: Mapping[str, Any] | None) -> html.Button:
    """Asks first; going to an older version is going back."""
    back = champion is not None and int(version["version"]) < int(champion["version"])
    question = say("versions.confirm", model=model, version=version["version"], accuracy=_accuracy(version))
    now = say("versions.now", version=champion["version"], accuracy=_accuracy(champion)) if champion else ""
    order = {"do": "promote", "model": model, "version": str(version["version"])}
    return controls.asked(say("versions.back" if back else "versions.promote"), order, f"{question} {now}".strip())


def _accuracy(version: Mapping[str, Any]) -> str:
    return percent((version.get("accuracy") or {}).get("value"), 1)
