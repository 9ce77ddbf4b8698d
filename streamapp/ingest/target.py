"""Where the HTTP API is, and who we are to it, for the programs that are its clients."""

import os
from collections.abc import Mapping

from streamapp.devstack.runfile import read
from streamapp.settings import Settings

VARIABLE, TOKEN = "STREAMAPP_API_URL", "STREAMAPP_API_TOKEN"
DEFAULT = "http://127.0.0.1:8001"


def api_url(option: str = "", environ: Mapping[str, str] = os.environ) -> str:
    """The API's URL without a slash at its end.

    In this order: the option `--api-url`, the variable `STREAMAPP_API_URL`, what a running `streamapp up` wrote into
    `<data_dir>/run.json`, the default port on this machine.

    Raises:
        SettingsError: a `STREAMAPP_` variable is wrong.
    """
    given = option or environ.get(VARIABLE, "")
    running = "" if given else str(read(Settings.load(environ).data_dir).get("api_url") or "")
    return (given or running or DEFAULT).rstrip("/")


def credentials(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The header with the API key or token in `STREAMAPP_API_TOKEN`; none where that is not set."""
    token = environ.get(TOKEN, "")
    return {"Authorization": f"Bearer {token}"} if token else {}
