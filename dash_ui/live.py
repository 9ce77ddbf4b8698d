"""The callbacks: Dash's live connection on one side, the hub on the other."""

import asyncio
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, set_props

from dash_ui import notices
from dash_ui.hub import Hub
from dash_ui.screen import Screen
from dash_ui.sessions import Session
from dash_ui.tree import elements

# The tabs of a browser share one connection, so a closed tab does not end it: each page is asked
# now and then whether it is still there, and gets nothing while it is not.
PROBE_S = 20
PROBE_ANSWER_S = 10
LOST_PROBES = 5


def register(app: Dash, hub: Hub) -> None:
    """Connect the page with the hub."""
    page = (State("session", "data"), State("window", "value"), State("pinned", "data"))

    # No input and no output: Dash starts it with the page, and again when the connection comes back.
    @app.callback(*page, websocket=True, persistent=True)
    async def live(session_id: str, window: str, pinned: str | None) -> None:
        await _show(hub, session_id, window, pinned)

    # A page that was frozen, or whose server was away for long, asks for its updates again.
    @app.callback(Input("wake", "data"), *page, websocket=True, persistent=True, prevent_initial_call=True)
    async def again(_wake: int, session_id: str, window: str, pinned: str | None) -> None:
        await _show(hub, session_id, window, pinned)

    @app.callback(
        Input("window", "value"),
        Input("pinned", "data"),
        State("session", "data"),
        websocket=True,
        prevent_initial_call=True,
    )
    async def choose(window: str, pinned: str | None, session_id: str) -> None:
        hub.choose(session_id, window, pinned)

    @app.callback(
        Output("upload-messages", "tree"), Input("uploads", "data"), websocket=True, prevent_initial_call=True
    )
    async def tell(files: list[dict[str, Any]] | None) -> list[Any]:
        return elements(notices.uploads(files or []))

    app.clientside_callback(ClientsideFunction("page", "pulse"), Input("pulse", "data"))


async def _show(hub: Hub, session_id: str, window: str, pinned: str | None) -> None:
    """Keep one page up to date until it is gone."""
    websocket = ctx.websocket
    async with hub.session(session_id, window, pinned) as session:
        screen = Screen(hub.board, session, hub.api.url)
        if websocket is None:
            _tell(screen)
            set_props("banner", {"tree": elements(notices.no_live_connection())})
            return
        watch = asyncio.create_task(_watch(websocket, session))
        try:
            async for _ in session.moments():
                if not session.asleep:
                    _tell(screen)
        finally:
            watch.cancel()


def _tell(screen: Screen) -> None:
    for component_id, props in screen.updates():
        set_props(component_id, props)


async def _watch(websocket: Any, session: Session) -> None:
    """Ask the page whether it is there; after some questions without an answer it is gone."""
    missed = 0
    while missed < LOST_PROBES:
        await asyncio.sleep(PROBE_S)
        try:
            await websocket.get_prop("session", "data", timeout=PROBE_ANSWER_S)
            missed = 0
        except TimeoutError:
            missed += 1
        session.asleep = missed > 0
    session.close()
