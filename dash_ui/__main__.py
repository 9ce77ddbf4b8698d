"""`python -m dash_ui`: serve the dashboard."""

import argparse
import logging
import os
import socket
import sys
from ipaddress import ip_address
from urllib.parse import urlsplit

import uvicorn

from dash_ui.app import create_app
from dash_ui.hub import Hub

API_URL = "http://127.0.0.1:8001"
GRACE_S = 3


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
    if not _is_loopback(options.host):
        return _fail(
            f"--host {options.host} would show everything to everybody who reaches this machine: the dashboard has no "
            "login of its own; leave it on 127.0.0.1 behind a proxy that asks who is there"
        )
    try:
        listener = socket.create_server((options.host, options.port))
    except OSError as error:
        return _fail(f"cannot listen on {options.host}:{options.port} ({error.strerror}); choose another with --port")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    server = create_app(options.api_url).server
    config = uvicorn.Config(
        server,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    port = listener.getsockname()[1]
    print(f"Dashboard: http://{options.host}:{port} (API: {options.api_url})", flush=True)
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


def _is_loopback(host: str) -> bool:
    """Whether only this machine reaches this address."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _fail(message: str) -> int:
    print(f"streamapp dashboard: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(0)
