"""The frame that all pages share; `screen` fills it."""

from json import dumps
from uuid import uuid4

import dash_mantine_components as dmc
from dash import dcc, html

from dash_ui import pages, webcam
from dash_ui.door import SIGN_OUT
from dash_ui.language import LANGUAGES, say, spoken
from dash_ui.signins import visiting
from dash_ui.tree import Tree
from dash_ui.view import PAGES, View, asked, link

# The page that is open is told by `data-page` on the root, set before anything is drawn and at each change of page.
# What is no page is the first one, as it is for `View`.
INDEX = """<!DOCTYPE html>
<html lang="%language%">
    <head>
        {%metas%}
        <title>{%title%}</title>
        <link rel="icon" type="image/svg+xml" href="/assets/mark.svg">
        {%css%}
        <style>%pages%</style>
        <script>
            document.documentElement.dataset.page =
                %names%.find(name => name === location.pathname.split("/").filter(Boolean).join("/")) || "%first%";
        </script>
    </head>
    <body>
        {%app_entry%}
        <footer>{%config%}{%scripts%}{%renderer%}</footer>
    </body>
</html>"""


def index(html_text: str) -> str:
    """The index of this visitor."""
    hidden = "".join(f'html:not([data-page="{name}"]) #page-{name}{{display:none}}' for name in PAGES)
    values = {"%language%": spoken(), "%pages%": hidden, "%names%": dumps(PAGES), "%first%": PAGES[0]}
    for name, value in values.items():
        html_text = html_text.replace(name, value)
    return html_text


def layout() -> dmc.MantineProvider:
    """The page as it is first sent; every load is a session of its own."""
    stores = [
        dcc.Store(id="session", data=str(uuid4())),
        dcc.Store(id="place", data=asked.get()),
        dcc.Store(id="language", data=spoken()),
        *(dcc.Store(id=name) for name in ("uploads", "act", "pulse", "wake", "leave")),
    ]
    bodies = [html.Div(pages.ALL[name].frame(), id=f"page-{name}") for name in PAGES]
    page = html.Div(
        [
            html.A(say("page.skip"), href="#main", className="skip"),
            *stores,
            _header(),
            html.Main([_alerts(), *bodies], id="main", tabIndex=-1),
            html.Div(Tree("toast"), className="toast", role="status", **{"aria-live": "polite"}),
            html.Div(say("page.drop"), id="drop", className="drop", **{"aria-hidden": "true"}),
        ],
        className="page",
    )
    return dmc.MantineProvider(page, defaultColorScheme="auto", theme={"primaryColor": "gray"})


def _header() -> html.Header:
    home = html.A(
        [html.Img(src="/assets/mark.svg", alt="", className="logo"), html.H1("streamapp")],
        href="/",
        className="home",
        **{"aria-label": "streamapp"},
    )
    upload = html.Button(
        [html.Span(className="icon icon-upload"), html.Span(say("page.upload"), className="wide")],
        id="upload",
        type="button",
        className="button",
        **{"aria-label": say("page.upload_label")},
    )
    choices = [_languages(), _scheme(), *_sign_out()]
    return html.Header(
        html.Div([home, _navigation(), Tree("link"), webcam.button(), upload, *choices], className="top")
    )


def _navigation() -> html.Nav:
    here = View.parse(asked.get()).page
    links = [
        html.A(
            [html.Span(className=f"icon icon-{name}"), html.Span(say(f"nav.{name}"))],
            href=link(name),
            **{"data-nav": name, **({"aria-current": "page"} if name == here else {})},
        )
        for name in PAGES
    ]
    return html.Nav(links, className="pages", **{"aria-label": say("nav.label")})


def _languages() -> html.Div:
    buttons = [
        html.Button(
            code.upper(),
            type="button",
            title=name,
            lang=code,
            **{"data-language": code, "aria-label": name, "aria-pressed": str(code == spoken()).lower()},
        )
        for code, name in LANGUAGES.items()
    ]
    return html.Div(buttons, className="segments", role="group", **{"aria-label": say("page.language")})


def _scheme() -> dmc.ColorSchemeToggle:
    return dmc.ColorSchemeToggle(
        id="scheme",
        lightIcon=html.Span(className="icon icon-sun"),
        darkIcon=html.Span(className="icon icon-moon"),
        variant="default",
        size=36,
        **{"aria-label": say("page.scheme")},
    )


def _sign_out() -> list[html.Form]:
    """For who is signed in."""
    visitor, words = visiting.get(), say("signin.out")
    if visitor is None or visitor.key is None:
        return []
    icon = html.Span(className="icon icon-out")
    button = html.Button(icon, type="submit", className="square", title=words, **{"aria-label": words})
    return [html.Form(button, method="POST", action=SIGN_OUT)]


def _alerts() -> html.Div:
    return html.Div(
        [
            html.Div(say("page.lost"), id="lost", className="banner", role="alert"),
            Tree("banner"),
            Tree("note"),
            html.Div(Tree("upload-messages"), **{"aria-live": "polite"}),
        ],
        className="alerts",
    )
