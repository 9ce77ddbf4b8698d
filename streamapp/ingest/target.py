"""Where the HTTP API is, and who we are to it, for the programs that are its clients."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from streamapp.devstack.runfile import read
from streamapp.errors import ApiError, SettingsError
from streamapp.settings import Settings

VARIABLE, TOKEN = "STREAMAPP_API_URL", "STREAMAPP_API_TOKEN"
DEFAULT = "http://127.0.0.1:8001"


def api_url(option: str = "", environ: Mapping[str, str] = os.environ) -> str:
    """The API's URL without a slash at its end.

    In this order: the option `--api-url`, the variable `STREAMAPP_API_URL`, what a running `streamapp up` wrote into
    `<data_dir>/run.json`, the default port on this machine.

    Raises:
        ApiError: the option or the variable is no such URL.
        SettingsError: a `STREAMAPP_` variable is wrong.
    """
    given = option or environ.get(VARIABLE, "")
    if given and not _is_web(given):
        raise ApiError(f"{'--api-url' if option else VARIABLE} must be http(s)://host:port, not {given!r}")
    running = "" if given else str(read(Settings.load(environ).data_dir).get("api_url") or "")
    return (given or running or DEFAULT).rstrip("/")


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number, or a bracket is missing
        return False


def credentials(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The header with the API key or token in `STREAMAPP_API_TOKEN`; none where that is not set.

    Raises:
        SettingsError: no header can carry it.
    """
    token = environ.get(TOKEN, "").strip()  # read from a file, it may have the end of its line
    if not token.isprintable():
        raise SettingsError(f"{TOKEN} has characters that no key has and no header can carry")
    return {"Authorization": f"Bearer {token}"} if token else {}
