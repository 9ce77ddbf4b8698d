"""Words about the state of things: connection, banners, empty page, untrained weights, uploads."""

from collections.abc import Sequence
from typing import Any

from dash import html

from dash_ui.board import Link
from dash_ui.texts import age, listing

LINK_WORDS = {"connecting": "connecting", "live": "live", "reconnecting": "reconnecting", "down": "API down"}


def link_badge(link: Link) -> html.Span:
    """The state of the connection, in the header."""
    return html.Span(LINK_WORDS[link.state], className=f"link link-{link.state}", role="status")


def banner(link: Link, api_url: str, data_age_s: float | None) -> list[html.Div]:
    """What is wrong and what is done about it, when the API does not answer."""
    if link.state != "down":
        return []
    kept = "There is no data yet." if data_age_s is None else f"Showing the last data, from {age(data_age_s)}."
    return [
        html.Div(
            [html.B(f"The API at {api_url} does not answer. "), f"{kept} It is tried again by itself."],
            className="banner",
            role="alert",
            title=link.error,
        )
    ]


def no_live_connection() -> html.Div:
    """For a browser without SharedWorker, which Dash's live connection needs."""
    return html.Div(
        [
            html.B("This browser cannot hold a live connection (it has no SharedWorker). "),
            "The page shows how things were when it was loaded; reload it to see more.",
        ],
        className="banner",
        role="alert",
    )


def untrained_note(untrained: Sequence[str]) -> list[html.Div]:
    """Says in so many words that answers are guesses."""
    if not untrained:
        return []
    verb = "is" if len(untrained) == 1 else "are"
    words = (
        f" {verb} untrained: freshly initialised weights, so the answers are guesses and the accuracy does not count."
    )
    return [html.Div([html.B(listing(list(untrained))), words], className="note")]


def waiting(down: bool) -> html.Div:
    """The page before the first image."""
    title = "Nothing to show yet" if down else "Waiting for the first image"
    return html.Div(
        [
            html.Div(className="empty-icon"),
            html.H3(title),
            html.P(
                [
                    "Start a stream with ",
                    html.Code("streamapp produce cifar10"),
                    ", or drop an image anywhere on this page.",
                ]
            ),
        ],
        className="empty",
    )


def missing(why: str) -> html.Div:
    """A pinned image that cannot be shown."""
    return html.Div([html.H3("This image cannot be shown"), html.P(why)], className="empty")


def loading() -> html.Div:
    """The outline of a race card, until the first data is here."""
    return html.Div(
        [
            html.Div(className="skeleton"),
            html.Div([html.Div(className="skeleton") for _ in range(3)], className="skeleton-lanes"),
        ],
        className="race loading",
        role="status",
        **{"aria-label": "Loading"},
    )


def uploads(files: Sequence[dict[str, Any]]) -> list[html.Div]:
    """One line per file that was sent: on its way, accepted, or refused and why."""
    if not files:
        return []
    close = html.Button("×", className="close", type="button", **{"data-dismiss": "uploads", "aria-label": "Dismiss"})
    return [
        html.Div([html.Div([_upload(file) for file in files], className="upload-list"), close], className="upload-box")
    ]


def _upload(file: dict[str, Any]) -> html.Div:
    state = str(file["state"])
    words: list[Any] = [html.B(str(file["name"]))]
    if state == "sending":
        words.append(html.Span("sending …"))
    elif state == "accepted":
        words.append(html.Span("accepted"))
        words.append(
            html.Button("show its race", type="button", className="linklike", **{"data-image": str(file["image_id"])})
        )
    else:
        words.append(html.Span(f"refused: {file['message']}"))
    return html.Div(words, className=f"upload {state}")


def no_figures(words: str) -> html.P:
    """The place of the table while there are no figures."""
    return html.P(words, className="muted no-figures")
