"""The dashboard, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dash import Dash
from fastapi import FastAPI

from dash_ui.client import Api
from dash_ui.hub import Hub
from dash_ui.layout import INDEX, layout
from dash_ui.live import register
from dash_ui.routes import add_routes


def create_app(api_url: str) -> Dash:
    """The dashboard of the API at `api_url`; its ASGI application is `.server`."""
    hub = Hub(Api(api_url))

    @asynccontextmanager
    async def lifespan(_server: FastAPI) -> AsyncIterator[None]:
        async with hub.running():
            yield

    # Without FastAPI's own pages, which load scripts from elsewhere.
    server = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    add_routes(server, hub)
    app = Dash(
        "dash_ui",
        server=server,
        serve_locally=True,
        title="streamapp: which image model should you ship?",
        update_title="",
        index_string=INDEX,
        # A page that only watches is not idle: the connection stays.
        websocket_inactivity_timeout=0,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
        add_log_handler=False,
    )
    app.layout = layout
    register(app, hub)
    return app
