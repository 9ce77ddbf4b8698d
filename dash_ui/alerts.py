"""What is wrong, and what was, in the reader's words; and the rules that say so."""

from collections.abc import Callable
from typing import Any

from dash import html
from dash.development.base_component import Component

from dash_ui.controls import time
from dash_ui.language import known, say
from dash_ui.texts import count, milliseconds, number, percent, seconds

#: How the figures of each rule of the API are written.
UNITS: dict[str, Callable[[float], str]] = {
    "disagreement": percent,
    "camera-disagreement": percent,
    "latency": milliseconds,
    "errors": lambda share: percent(share, 1),
    "lag": number,
    "camera-silent": seconds,
}


def listing(page: dict[str, Any]) -> Component:
    """A line for each alert."""
    if not page["alerts"]:
        return html.P(say("alerts.none"), className="muted no-figures")
    return html.Ul([_line(alert) for alert in page["alerts"]], className="alert-list")


def _line(alert: dict[str, Any]) -> html.Li:
    firing = alert.get("resolved_at") is None
    rule = str(alert["rule"])
    state = html.Span(
        say("alerts.firing" if firing else "alerts.resolved"), className="badge warn" if firing else "badge"
    )
    when: list[Any] = [time(str(alert["fired_at"]))]
    if not firing:
        when += [" – ", time(str(alert["resolved_at"]))]
    said = html.Span(sentence(alert), className="wrap")
    return html.Li(
        [state, html.B(known(f"alerts.{rule}", rule)), said, html.Span(when, className="muted")], key=str(alert["id"])
    )


def sentence(alert: dict[str, Any]) -> str:
    """What is wrong; a rule that is not known here is said as the API says it."""
    rule = str(alert["rule"])
    if rule not in UNITS:
        return str(alert["text"])
    written = UNITS[rule]
    return say(
        f"alerts.said.{rule}",
        subject=str(alert["subject"]),
        value=written(float(alert["value"])),
        limit=written(float(alert["limit"])),
    )


def rules(answer: dict[str, Any]) -> html.Details:
    """The rules with their limits; closed until somebody wants to see them."""
    names = ("rule", "limit", "window")
    head = html.Tr([html.Th(say(f"alerts.column_{name}"), scope="col", className="left") for name in names])
    rows = [_rule(rule) for rule in answer["rules"]]
    on = sum(bool(rule["on"]) for rule in answer["rules"])
    shared = {"hold": seconds(answer["hold_s"]), "every": seconds(answer["every_s"])}
    hint = say("alerts.rules_hint", **shared, least=count(answer["min_images"]))
    return html.Details(
        [
            html.Summary(say("alerts.rules", n=on, number=number(on))),
            html.Table([html.Thead(head), html.Tbody(rows)], className="stats rules"),
            html.P(hint, className="muted small-text"),
        ]
    )


def _rule(rule: dict[str, Any]) -> html.Tr:
    name = str(rule["rule"])
    limit = UNITS.get(name, number)(float(rule["limit"])) if rule["on"] else say("alerts.off")
    window = seconds(rule["window_s"]) if rule["window_s"] else say("alerts.present")
    cells = [html.Td(text, className="left") for text in (limit, window)]
    return html.Tr([html.Th(known(f"alerts.{name}", name), scope="row", className="left"), *cells], key=name)
