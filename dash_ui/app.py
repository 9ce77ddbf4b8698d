"""The dashboard, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dash import Dash
from fastapi import FastAPI

from dash_ui import origins
from dash_ui.access import Access
from dash_ui.client import Api
from dash_ui.door import Door
from dash_ui.hub import Hub
from dash_ui.language import say
from dash_ui.layout import INDEX, index, layout
from dash_ui.live import register
from dash_ui.routes import add_routes
from dash_ui.signing import add_signing
from dash_ui.visitors import Visitors


class Dashboard(Dash):
    """Dash, with a page around it in the visitor's language."""

    def interpolate_index(self, **parts: str) -> str:
        """The first HTML that a browser gets."""
        return index(super().interpolate_index(**(parts | {"title": say("page.title")})))


def create_app(api_url: str, access: Access | None = None) -> Dash:
    """The dashboard of the API at `api_url`; its ASGI application is `.server`."""
    access, others = access or Access(), origins.allowed()
    hub = Hub(Api(api_url, access), access)

    @asynccontextmanager
    async def lifespan(_server: FastAPI) -> AsyncIterator[None]:
        async with hub.running():
            yield

    # Without FastAPI's own pages, which load scripts from elsewhere.
    server = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    server.add_middleware(Door, hub=hub, others=others)
    server.add_middleware(Visitors)
    server.state.hub = hub
    add_signing(server, hub)
    add_routes(server, hub)
    app = Dashboard(
        "dash_ui",
        server=server,
        serve_locally=True,
        update_title="",
        index_string=INDEX,
        # A page that only watches is not idle: the connection stays.
        websocket_inactivity_timeout=0,
        websocket_allowed_origins=list(others),
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
        add_log_handler=False,
    )
    app.layout = layout
    register(app, hub)
    # Dash does this at the first request, but only where that is for `/`: another page would come without our scripts.
    app._setup_server()
    return app
