"""The visitor's own camera: what the page shows of it; `assets/webcam.js` takes the frames."""

from dash import html
from dash.development.base_component import Component

from dash_ui.language import say

#: Why there may be no picture; `assets/webcam.js` shows the one that fits.
TROUBLES = ("denied", "missing", "busy", "insecure", "lost", "refused")


def button() -> html.Button:
    """Opens the panel and starts the camera."""
    words = [html.Span(className="icon icon-camera"), html.Span(say("webcam.button"), className="wide")]
    return html.Button(
        words, id="webcam", type="button", className="button quiet", **{"aria-label": say("webcam.open")}
    )


def panel() -> html.Section:
    """The picture of the camera, which one it is, and how many frames were sent; hidden until it is started."""
    video: Component = html.Video(id="webcam-video", muted=True, **{"aria-label": say("webcam.alt")})
    choice = html.Label([html.Span(say("webcam.choice")), html.Select(id="webcam-choice")], className="field")
    stop = html.Button(say("webcam.stop"), id="webcam-stop", type="button", className="button small")
    sent = html.Span([html.B("0", id="webcam-sent"), " ", say("webcam.sent")], className="muted", role="status")
    troubles = [
        html.P(say(f"webcam.{name}"), className="trouble", role="alert", hidden=True, **{"data-trouble": name})
        for name in TROUBLES
    ]
    tools = html.Div([choice, stop], className="tools")
    head = html.Div([html.H2(say("webcam.heading")), sent, tools], className="section-head")
    return html.Section(
        [head, *troubles, html.Div([video, html.P(say("webcam.hint"), className="muted")], className="webcam")],
        id="webcam-panel",
        className="card",
        hidden=True,
        **{"aria-label": say("webcam.heading")},
    )
