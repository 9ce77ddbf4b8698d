"""Signing in and out: the page that asks for a key, and the cookie that stands for it."""

from html import escape
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dash_ui.access import FORBIDDEN, TOO_MANY, UNAUTHORIZED, is_asking, prove
from dash_ui.client import ApiDown, ApiProblem
from dash_ui.door import COOKIE, SIGN_IN, SIGN_OUT
from dash_ui.hub import Hub
from dash_ui.language import LANGUAGES, say, spoken
from dash_ui.problems import body_of
from dash_ui.view import View

MAX_FORM_BYTES = 16 * 1024
#: It needs our style and one script, and nothing else; what it sends goes to us.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
#: What each scope allows, as the catalogue says it.
SCOPES = {"read": "signin.read", "write": "signin.write", "label": "signin.label_scope", "admin": "signin.admin"}

INDEX = """<!DOCTYPE html>
<html lang="{language}" data-next="{next}">
    <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{title} · streamapp</title>
        <link rel="icon" type="image/svg+xml" href="/assets/mark.svg">
        <link rel="stylesheet" href="/assets/style.css">
        <script src="/assets/choices.js"></script>
    </head>
    <body class="sign-in">
        <header><div class="top">
            <a class="home" href="/"><img src="/assets/mark.svg" alt="" class="logo"><span>streamapp</span></a>
            <div class="segments" role="group" aria-label="{languages}">{choices}</div>
            <button type="button" class="scheme" data-scheme aria-label="{scheme}"><span class="icon"></span></button>
        </div></header>
        <main>
            <form class="card" method="post" action="{action}">
                <h1>{title}</h1>
                <p class="muted">{why}</p>
                {trouble}
                <label for="key">{label}</label>
                <input id="key" name="key" type="password" required autofocus maxlength="8000" spellcheck="false"
                    autocapitalize="off" autocomplete="current-password" aria-describedby="how"{invalid}>
                <input type="hidden" name="next" value="{next}">
                <button class="button">{button}</button>
                <p class="muted small-text">{kept}</p>
            </form>
            <section class="card" id="how">
                <h2>{how}</h2>
                <p><code>streamapp token create --scope read</code></p>
                <dl class="facts">{scopes}</dl>
            </section>
        </main>
    </body>
</html>"""

TROUBLE = '<p class="trouble" role="alert">{trouble}</p>'
CHOICE = """<button type="button" lang="{code}" data-language="{code}" title="{name}" aria-label="{name}" \
aria-pressed="{pressed}">{short}</button>"""


def add_signing(server: FastAPI, hub: Hub) -> None:
    """Add the routes; called before Dash adds its own."""

    @server.get(SIGN_IN)
    async def ask(next: str = "/") -> Response:
        return _page(next) if hub.access.needed else RedirectResponse(_local(next), 303)

    @server.post(SIGN_IN)
    async def sign_in(request: Request) -> Response:
        form = parse_qs((await body_of(request, MAX_FORM_BYTES) or b"").decode("utf-8", "replace"))
        key, to = form.get("key", [""])[0].strip(), form.get("next", ["/"])[0]
        try:
            refusal = await _refusal(hub, key)
        except ApiProblem as problem:
            headers = {"Retry-After": problem.retry_after} if problem.retry_after else {}
            return _page(to, _why(problem), problem.status, headers)
        except ApiDown:
            return _page(to, say("signin.down"), 503)
        if refusal:
            return _page(to, refusal, FORBIDDEN)
        answer = RedirectResponse(_local(to), 303)
        if hub.access.needed:
            _end(request, hub)
            secure = request.url.scheme == "https"
            answer.set_cookie(COOKIE, hub.access.signins.add(key), httponly=True, samesite="strict", secure=secure)
        return answer

    @server.post(SIGN_OUT)
    async def sign_out(request: Request) -> Response:
        _end(request, hub)
        answer = RedirectResponse(SIGN_IN, 303)
        answer.delete_cookie(COOKIE)
        return answer

    # Asked by a page that hears nothing any more: is it because its visitor has to sign in?
    @server.get("/signed-in", status_code=204)
    async def signed_in() -> None: ...


async def _refusal(hub: Hub, key: str) -> str:
    """Why a key lets nobody in, nothing where it does; raises ApiProblem or ApiDown where the API says why."""
    if not key.isascii() or not key.isprintable() or " " in key or not key:
        return say("signin.malformed")
    await prove(hub.api, key)
    # An API that asks nobody takes every key for good.
    if not await is_asking(hub.api) and hub.access.shut:
        return say("signin.open")
    return ""


def _why(problem: ApiProblem) -> str:
    words = {UNAUTHORIZED: "signin.unknown", FORBIDDEN: "signin.no_read", TOO_MANY: "signin.too_many"}
    if problem.status in words:
        return say(words[problem.status], seconds=problem.retry_after or "60")
    return say("signin.down")


def _end(request: Request, hub: Hub) -> None:
    """End the sign-in of this browser, if it has one."""
    before = hub.access.signins.find(request.cookies.get(COOKIE, ""))
    if before is not None:
        hub.access.signins.end(before)


def _local(url: str) -> str:
    """One of our pages, whatever is asked for."""
    return View.parse(url).url()


def _page(next_url: str, trouble: str = "", status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    """The page that asks for a key; `trouble` is what was wrong with the last one."""
    names = ("title", "why", "label", "button", "kept", "how")
    choices = "".join(
        CHOICE.format(code=code, name=name, short=code.upper(), pressed=str(code == spoken()).lower())
        for code, name in LANGUAGES.items()
    )
    scopes = "".join(f"<dt><code>{name}</code></dt><dd>{escape(say(key))}</dd>" for name, key in SCOPES.items())
    text = INDEX.format(
        **{name: escape(say(f"signin.{name}")) for name in names},
        language=spoken(),
        languages=escape(say("page.language")),
        scheme=escape(say("page.scheme")),
        choices=choices,
        scopes=scopes,
        action=SIGN_IN,
        next=escape(_local(next_url)),
        trouble=TROUBLE.format(trouble=escape(trouble)) if trouble else "",
        invalid=' aria-invalid="true"' if trouble else "",
    )
    return HTMLResponse(text, status, {**HEADERS, **(headers or {})})
