"""Words about the state of things: connection, banners, empty page, untrained weights, uploads."""

import re
from collections.abc import Mapping, Sequence

from dash import html

from dash_ui.asks import Answer
from dash_ui.board import Link
from dash_ui.client import ApiDown, ApiProblem
from dash_ui.language import known, say
from dash_ui.texts import age, listing

#: How the API says which scope a key lacks.
SCOPE = re.compile(r"\bscope\s([a-z]+)")


def link_badge(link: Link) -> html.Span:
    """The state of the connection, in the header."""
    return html.Span(say(f"link.{link.state}"), className=f"link link-{link.state}", role="status")


def banner(link: Link, api_url: str, data_age_s: float | None) -> list[html.Div]:
    """What is wrong and what is done about it, when the API does not answer."""
    if link.state != "down":
        return []
    kept = say("banner.no_data") if data_age_s is None else say("banner.kept", age=age(data_age_s))
    return [
        html.Div(
            [html.B(say("banner.down", url=api_url)), kept, say("banner.retry")],
            className="banner",
            role="alert",
            title=link.error,
        )
    ]


def no_live_connection() -> html.Div:
    """For a browser without SharedWorker, which Dash's live connection needs."""
    return html.Div(
        [
            html.B(say("banner.no_worker")),
            say("banner.no_worker_more"),
        ],
        className="banner",
        role="alert",
    )


def untrained_note(untrained: Sequence[str]) -> list[html.Div]:
    """Says in so many words that answers are guesses."""
    if not untrained:
        return []
    words = say("banner.untrained", n=len(untrained))
    return [html.Div([html.B(listing(list(untrained))), words], className="note")]


def reload_notes(errors: Mapping[str, str]) -> list[html.Div]:
    """Models that go on with their old version, because the new one could not be had."""
    return [
        html.Div([html.B(model), say("banner.reload", error=error)], className="note")
        for model, error in sorted(errors.items())
    ]


def waiting(down: bool) -> html.Div:
    """The page before the first image."""
    title = say("empty.nothing" if down else "empty.waiting")
    return html.Div(
        [
            html.Div(className="empty-icon"),
            html.H3(title),
            html.P(
                [
                    say("empty.start"),
                    html.Code("streamapp produce cifar10"),
                    say("empty.start_more"),
                ]
            ),
        ],
        className="empty",
    )


def missing(why: str) -> html.Div:
    """A pinned image that cannot be shown."""
    return html.Div([html.H3(say("empty.missing")), html.P(why)], className="empty")


def loading() -> html.Div:
    """The outline of a race card, until the first data is here."""
    return html.Div(
        [
            html.Div(className="skeleton"),
            html.Div([html.Div(className="skeleton") for _ in range(3)], className="skeleton-lanes"),
        ],
        className="race loading",
        role="status",
        **{"aria-label": say("empty.loading")},
    )


def why(error: ApiProblem | ApiDown | None) -> str:
    """What the API had against a request, in the reader's language where the catalogue has the problem."""
    if isinstance(error, ApiProblem):
        return problem(error.name, error.detail or error.title)
    return say("problem.api-down")


def problem(name: str, detail: str) -> str:
    """A problem by its name, in the reader's language where the catalogue has it, else as the API says."""
    if name == "forbidden":
        scope = SCOPE.search(detail)
        return say("problem.forbidden", scope=scope[1]) if scope else detail
    return known(f"problem.{name}", "{detail}").format_map({"detail": detail})


def failed(error: ApiProblem | ApiDown | None) -> html.P:
    """The place of something that cannot be had now."""
    return html.P(say("problem.failed", why=why(error)), className="muted no-figures", role="alert")


def awaited(answer: Answer | None) -> html.P | html.Div:
    """What stands in the place of something that is not here: why not, or that it will come."""
    return failed(answer.error) if answer and answer.error else html.Div(className="skeleton line")


def no_figures(words: str) -> html.P:
    """The place of the table while there are no figures."""
    return html.P(words, className="muted no-figures")
