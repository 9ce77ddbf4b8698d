"""`python -m dash_ui`: serve the dashboard."""

import argparse
import asyncio
import logging
import os
import socket
import ssl
import sys
from urllib.parse import urlsplit

import uvicorn

from dash_ui.access import Access, is_asking
from dash_ui.app import create_app
from dash_ui.client import Api, ApiDown, ApiProblem
from dash_ui.hub import Hub
from dash_ui.origins import is_loopback

API_URL = "http://127.0.0.1:8001"
GRACE_S = 3
#: The key that all visitors share; without it each brings one of their own, where the API asks for one.
TOKEN = "STREAMAPP_API_TOKEN"
TLS_CERT, TLS_KEY = "STREAMAPP_TLS_CERT", "STREAMAPP_TLS_KEY"


class Server(uvicorn.Server):
    """A server that tells the open pages when it stops; it would wait for them in vain, and then cut them off."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self.hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the pages, then the connections."""
        self.hub.close()
        await super().shutdown(sockets)


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; the exit status."""
    options = _options(arguments)
    if urlsplit(options.api_url).scheme not in {"http", "https"}:
        return _fail(f"--api-url must start with http:// or https:// (given: {options.api_url})")
    access = Access(os.environ.get(TOKEN, ""), shut=not is_loopback(options.host))
    try:
        if access.shut and (why := asyncio.run(_everybody(access, options.api_url))):
            return _fail(
                f"--host {options.host} would show everything to everybody who reaches this machine: {why}; "
                "leave it on 127.0.0.1, or see docs/security.md"
            )
        tls = certificate()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        return _fail(
            f"{TLS_CERT}={os.environ[TLS_CERT]} and its key cannot be used: {error}; both are PEM, the key belongs to "
            "the certificate and has no password"
        )
    try:
        listener = socket.create_server((options.host, options.port))
    except OSError as error:
        return _fail(f"cannot listen on {options.host}:{options.port} ({error.strerror}); choose another with --port")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    server = create_app(options.api_url, access).server
    config = uvicorn.Config(
        server,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
        ssl_context_factory=(lambda _config, _default: tls) if tls else None,
    )
    scheme, port = "https" if tls else "http", listener.getsockname()[1]
    print(f"Dashboard: {scheme}://{options.host}:{port} (API: {options.api_url})", flush=True)
    if access.shut and tls is None:
        print(f"Keys travel in the clear: set {TLS_CERT}, or put a proxy with a certificate in front", flush=True)
    Server(config, server.state.hub).run(sockets=[listener])
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dash_ui", description="The live dashboard of streamapp.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8000, help="port to listen on, 0 for a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--api-url",
        default=os.environ.get("STREAMAPP_API_URL") or API_URL,
        help="the API (default: STREAMAPP_API_URL or %(default)s)",
    )
    return parser.parse_args(arguments)


async def _everybody(access: Access, api_url: str) -> str:
    """Why everybody could come in, nothing where they cannot. An API that does not answer lets nobody in so far."""
    if access.own:
        return f"{TOKEN} is set, and all visitors would share that key"
    try:
        async with Api(api_url) as api:
            return "" if await is_asking(api) else "the API asks nobody who they are; start it with STREAMAPP_AUTH=true"
    except (ApiDown, ApiProblem):
        return ""


def certificate() -> ssl.SSLContext | None:
    """What to answer https with; None: http. Raises OSError or ValueError where it cannot be used."""
    if not os.environ.get(TLS_CERT):
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # With a password, even an empty one, a key that needs one is an error; OpenSSL would ask at the terminal.
    context.load_cert_chain(os.environ[TLS_CERT], os.environ.get(TLS_KEY) or None, password="")
    return context


def _fail(message: str) -> int:
    print(f"streamapp dashboard: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(0)
