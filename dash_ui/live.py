"""The callbacks: Dash's live connection on one side, the hub on the other."""

import asyncio
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, set_props
from dash.exceptions import WebsocketDisconnected

from dash_ui import actions, notices, uploads
from dash_ui.hub import Hub
from dash_ui.language import speaking
from dash_ui.parts import Scene
from dash_ui.screen import Screen
from dash_ui.sessions import Session
from dash_ui.tree import elements
from dash_ui.view import View

# The tabs of a browser share one connection, so a closed tab does not end it: each page is asked
# now and then whether it is still there, and gets nothing while it is not.
PROBE_S = 20
PROBE_ANSWER_S = 10
LOST_PROBES = 5


def register(app: Dash, hub: Hub) -> None:
    """Connect the page with the hub."""
    page = session, _, language = State("session", "data"), State("place", "data"), State("language", "data")
    pushed = {"websocket": True, "prevent_initial_call": True}

    # No input and no output: Dash starts it with the page, and again when the connection comes back.
    @app.callback(*page, websocket=True, persistent=True)
    async def live(session_id: str, place: str, language: str) -> None:
        await _show(hub, session_id, place, language)

    # A page that was frozen, or whose server was away for long, asks for its updates again.
    @app.callback(Input("wake", "data"), *page, persistent=True, **pushed)
    async def again(_wake: int, session_id: str, place: str, language: str) -> None:
        await _show(hub, session_id, place, language)

    @app.callback(Input("place", "data"), session, **pushed)
    async def choose(place: str, session_id: str) -> None:
        hub.choose(session_id, View.parse(place))

    @app.callback(Output("toast", "tree"), Input("act", "data"), session, language, **pushed)
    async def act(order: dict[str, Any], session_id: str, language: str) -> list[Any]:
        with speaking(language):
            return elements(await actions.act(hub, session_id, order))

    @app.callback(Output("upload-messages", "tree"), Input("uploads", "data"), language, **pushed)
    async def tell(files: list[dict[str, Any]] | None, language: str) -> list[Any]:
        with speaking(language):
            return elements(uploads.box(files or []))

    for name in ("pulse", "leave"):
        app.clientside_callback(ClientsideFunction("page", name), Input(name, "data"))


async def _show(hub: Hub, session_id: str, place: str, language: str) -> None:
    """Keep one page up to date until it is gone."""
    websocket = ctx.websocket
    async with hub.session(session_id, View.parse(place), language) as session:
        screen = Screen(Scene(hub.board, session, hub.asks, hub.api.url))
        if websocket is None:
            _tell(screen)
            with speaking(language):
                set_props("banner", {"tree": elements(notices.no_live_connection())})
            return
        watch = asyncio.create_task(_watch(websocket, session))
        try:
            async for _ in session.moments():
                if session.must_leave:
                    break
                if not session.asleep:
                    _tell(screen)
        finally:
            watch.cancel()
        if session.must_leave:
            set_props("leave", {"data": True})


def _tell(screen: Screen) -> None:
    for component_id, props in screen.updates():
        set_props(component_id, props)


async def _watch(websocket: Any, session: Session) -> None:
    """Ask the page whether it is there; after some questions without an answer, or without a connection, it is gone."""
    missed = 0
    while missed < LOST_PROBES:
        await asyncio.sleep(PROBE_S)
        try:
            await websocket.get_prop("session", "data", timeout=PROBE_ANSWER_S)
            missed = 0
        except WebsocketDisconnected:
            break
        except TimeoutError:
            missed += 1
        session.asleep = missed > 0
    session.close()
