"""Tells a running platform that a registered model has another champion, and waits for what comes of it."""

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from streamapp.devstack.runfile import read
from streamapp.errors import ApiError
from streamapp.ingest.target import VARIABLE, credentials
from streamapp.runtime.registry import registered_name
from streamapp.settings import Settings

Say = Callable[[str], None]

TIMEOUT_S = 10.0
#: Downloading and converting in the background of a busy machine has taken two minutes.
PATIENCE_S = 600.0
POLL_S = 0.25


def url(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """Where the API of a running platform is: STREAMAPP_API_URL, else what `streamapp up` noted; empty if nowhere."""
    found = environ.get(VARIABLE, "") or str(read(settings.data_dir).get("api_url") or "")
    return found.rstrip("/")


def followers(api: str, name: str) -> list[str]:
    """The models of the platform whose workers run versions of this registered model.

    Raises:
        ApiError: the API does not answer.
    """
    models = _ask(f"{api}/api/v1/models")["models"]
    return [model["model"] for model in models if model["workers"] and registered_name(model["weights"]) == name]


def reload(api: str, model: str, say: Say, patience_s: float = PATIENCE_S) -> None:
    """Let every worker of a model look for its new version, and wait until each has said what came of it.

    Raises:
        ApiError: the API does not answer, a worker could not change over, or not in time; all of them go on with
            what they served before.
    """
    ordered = datetime.fromisoformat(_ask(f"{api}/api/v1/models/{model}/reload", "POST")["at"])
    say(f"{model}: its workers look for it; where it must be converted first, that takes a while")
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        workers = _ask(f"{api}/api/v1/models/{model}")["workers"]
        if workers and all(_has_looked(worker, ordered) for worker in workers):
            return _tell(model, workers, say)
        time.sleep(POLL_S)
    raise ApiError(f"{model}: its workers have not answered within {patience_s:g} s; see {api}/api/v1/models/{model}")


def _has_looked(worker: Mapping[str, Any], ordered: datetime) -> bool:
    """Whether a worker has looked for a new version since: for this order, for a later one, or when it started."""
    told = (worker["last_reload"] or {}).get("ordered_at")
    looked = [worker["started_at"], *([told] if told else [])]
    return any(datetime.fromisoformat(moment) >= ordered for moment in looked)


def _tell(model: str, workers: list[dict[str, Any]], say: Say) -> None:
    failed = [worker for worker in workers if (worker["last_reload"] or {}).get("outcome") == "failed"]
    for worker in workers:
        if worker not in failed:
            last = worker["last_reload"]
            how = f"{last['outcome']}, {last['seconds']:.1f} s" if last else "started meanwhile"
            say(f"{model}: {worker['model_version']} serves ({how})")
    if failed:
        reason = (failed[0]["reload_error"] or {}).get("error", "its worker does not say why")
        raise ApiError(f"{model} goes on with {failed[0]['model_version']}: {reason}")


def _ask(address: str, method: str = "GET") -> Any:
    """The JSON of an answer.

    Raises:
        ApiError: there is none, or a problem in its place.
    """
    request = urllib.request.Request(address, method=method, headers=credentials())
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            raise ApiError(f"{method} {address}: {_problem(error)}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ApiError(f"the API does not answer at {address}: {getattr(error, 'reason', error)}") from error


def _problem(error: urllib.error.HTTPError) -> str:
    """What problem details say, else the status."""
    try:
        said = json.load(error)
        return str(said.get("detail") or said["title"])
    except (OSError, ValueError, KeyError, AttributeError):
        return f"HTTP {error.code} {error.reason}"
