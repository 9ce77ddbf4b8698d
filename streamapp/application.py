"""The composition root: `create_app(settings)` builds the Faust apps of this worker's roles."""

import logging
import socket
from collections.abc import Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry

import agents
from streamapp import presence
from streamapp.access import callers
from streamapp.metrics import Metrics
from streamapp.roles import api, chosen_roles, model, recorder, stats
from streamapp.roles.shared import Shared
from streamapp.runtime.spec import ModelSpec
from streamapp.settings import Settings
from streamapp.stream import StreamApp
from streamapp.web import health
from streamapp.web.server import Runner

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> StreamApp:
    """The app of this worker: its first role's, with the other roles' apps as companions in the same process.

    Raises:
        SettingsError: STREAMAPP_ROLES names a role that does not exist, or strangers could come in.
        ModelError: a file in `agents/` cannot be used.
    """
    callers.check(settings)
    specs = agents.specs(settings.models, settings.weights)
    shared = Shared(settings, Metrics(CollectorRegistry()))
    apps = [_app(role, specs, shared) for role in chosen_roles(settings)]
    first, *companions = apps
    first.companions = companions
    _serve(first, apps, settings, shared)
    return first


def _app(role: str, specs: Mapping[str, ModelSpec], shared: Shared) -> StreamApp:
    app = StreamApp(shared.settings, role, patience=recorder.PATIENCE if role == "recorder" else 1)
    presence.register(app, shared)
    if role in specs:
        model.register(app, specs[role], shared)
    elif role == "stats":
        stats.register(app, specs, shared)
    elif role == "recorder":
        recorder.register(app, shared)
    else:
        api.register(app, shared)
    return app


def _serve(first: StreamApp, apps: list[StreamApp], settings: Settings, shared: Shared) -> None:
    """One web server for the worker, on the first app, with the routes of all of them."""

    def not_ready() -> list[str]:
        return [reason for app in apps for reason in app.not_ready()]

    def setup(web_app: web.Application) -> None:
        health.setup(web_app, shared.metrics.registry, not_ready, settings.metrics_token)
        for app in apps:
            for add_routes in app.web_setups:
                add_routes(web_app)

    first.web_setup, first.web_runner = setup, Runner
    first.conf.web_tables_enabled = first.conf.web_router_enabled = False  # whatever Faust's own variables say
    serves_api = any(app.role == "api" for app in apps)
    first.conf.web_port = (settings.api_port if serves_api else settings.web_port) or free_port(settings.web_host)
    for companion in apps[1:]:
        companion.conf.web_enabled = False


def free_port(host: str) -> int:
    """A port that is free now; Faust announces the port before it binds it, so 0 cannot be left to the kernel."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
