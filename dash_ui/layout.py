"""The frame of the page; `screen` fills it."""

from uuid import uuid4

import dash_mantine_components as dmc
from dash import dcc, html

from dash_ui import notices
from dash_ui.data import WINDOWS
from dash_ui.tree import Tree

WINDOW_WORDS = {"1m": "1 min", "5m": "5 min", "15m": "15 min"}

INDEX = """<!DOCTYPE html>
<html lang="en">
    <head>
        {%metas%}
        <title>{%title%}</title>
        <link rel="icon" type="image/svg+xml" href="/assets/mark.svg">
        {%css%}
    </head>
    <body>
        {%app_entry%}
        <footer>{%config%}{%scripts%}{%renderer%}</footer>
    </body>
</html>"""


def layout() -> dmc.MantineProvider:
    """The page as it is first sent; every load is a session of its own."""
    stores = [
        dcc.Store(id="session", data=str(uuid4())),
        dcc.Store(id="pinned"),
        dcc.Store(id="uploads"),
        dcc.Store(id="pulse"),
        dcc.Store(id="wake"),
    ]
    page = html.Div(
        [
            *stores,
            _header(),
            html.Main([_alerts(), _race(), _strip(), _figures()]),
            html.Div("Drop images to see their race", id="drop", className="drop", **{"aria-hidden": "true"}),
        ],
        className="page",
    )
    return dmc.MantineProvider(page, defaultColorScheme="auto", theme={"primaryColor": "gray"})


def _header() -> html.Header:
    return html.Header(
        html.Div(
            [
                html.Img(src="/assets/mark.svg", alt="", className="logo"),
                html.H1("streamapp"),
                html.Span("Which image model should you ship?", className="tagline"),
                Tree("link"),
                html.Button(["Upload", html.Span(" images")], id="upload", type="button", className="button"),
                dmc.ColorSchemeToggle(
                    id="scheme",
                    lightIcon=html.Span(className="icon icon-sun"),
                    darkIcon=html.Span(className="icon icon-moon"),
                    variant="default",
                    size=36,
                    **{"aria-label": "Light or dark"},
                ),
            ],
            className="bar-inner",
        )
    )


def _alerts() -> html.Div:
    lost = "The dashboard's own server does not answer. Showing the last data; reconnecting by itself."
    return html.Div(
        [
            html.Div(lost, id="lost", className="banner", role="alert"),
            Tree("banner"),
            Tree("note"),
            html.Div(Tree("upload-messages"), **{"aria-live": "polite"}),
        ],
        className="alerts",
    )


def _race() -> html.Section:
    head = [
        html.H2("Newest image", id="race-title"),
        html.Span(id="race-meta", className="muted"),
        html.Button("Follow live", id="follow", type="button", className="button small", hidden=True),
    ]
    return html.Section(
        [html.Div(head, className="section-head"), Tree("race", notices.loading())],
        className="card",
        **{"aria-label": "Race"},
    )


def _strip() -> html.Section:
    hint = html.Span("Drop images anywhere on this page to add them", className="muted hint")
    return html.Section(
        [html.Div([html.H2("Latest"), hint], className="section-head spread"), Tree("strip", className="strip")],
        className="card",
        **{"aria-label": "Latest images"},
    )


def _figures() -> html.Section:
    windows = [{"value": window, "label": WINDOW_WORDS[window]} for window in WINDOWS]
    head = [html.H2("Models"), dmc.SegmentedControl(id="window", data=windows, value="1m", size="xs")]
    return html.Section(
        [html.Div(head, className="section-head spread"), html.Div(Tree("stats"), className="scroll", tabIndex=0)],
        className="card",
        **{"aria-label": "Figures per model"},
    )
