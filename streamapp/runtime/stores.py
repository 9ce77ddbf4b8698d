"""Where MLflow keeps its registry, asked without MLflow: servers by its REST interface, the local database by SQL."""

import base64
import http.client
import json
import os
import re
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from streamapp.errors import NotRegistered, RegistryUnavailable

T = TypeVar("T")

TRACKING = "MLFLOW_TRACKING_URI"
SQLITE, SERVERS = "sqlite:///", ("http://", "https://")
TIMEOUT_S = 5.0


def tracking_uri(data_dir: Path) -> str:
    """Where MLflow keeps runs and registered models: MLFLOW_TRACKING_URI, else SQLite in the data folder."""
    return os.environ.get(TRACKING) or f"{SQLITE}{(data_dir / 'mlflow.db').resolve()}"


def plain(store: str) -> str:
    """A store's address without the user and password that it may have in it."""
    return re.sub(r"//[^/@]*@", "//", store)


def local(store: str) -> Path:
    """The file of the local database.

    Raises:
        NotRegistered: there is none yet.
    """
    path = Path(store.removeprefix(SQLITE))
    if not path.is_file():
        raise NotRegistered(
            f"there is no registry at {path}; register a model with `streamapp train --register` or "
            f"`streamapp models register`, or set {TRACKING}"
        )
    return path


def read_database(store: str, what: str, query: Callable[[sqlite3.Connection], T]) -> T:
    """What a query finds in the local database; errors say `what` is asked for.

    Raises:
        NotRegistered: there is none yet.
        RegistryUnavailable: it cannot be read.
    """
    try:
        address = f"file:{urllib.parse.quote(str(local(store)))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=TIMEOUT_S)) as database:
            return query(database)
    except NotRegistered as error:
        raise NotRegistered(f"{what}: {error}") from error
    except sqlite3.Error as error:
        raise RegistryUnavailable(f"{what}: the registry ({store}) cannot be read: {error}") from error


def ask_server(
    store: str, path: str, query: Mapping[str, str], what: str, missing: NotRegistered, parse: Callable[[Any], T]
) -> T:
    """What `parse` makes of an MLflow server's answer; errors say `what` is asked for.

    Raises:
        NotRegistered: `missing`, where the server has no such thing.
        RegistryUnavailable: it does not answer, or not as MLflow does.
    """
    try:
        return parse(_json(f"{store.rstrip('/')}/api/2.0/mlflow/{path}?{urllib.parse.urlencode(query)}"))
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, urllib.error.HTTPError) and error.code in (400, 404):
            raise missing from error
        reason = getattr(error, "reason", "") or f"with something else ({type(error).__name__}: {error})"
        raise RegistryUnavailable(f"{what}: the registry ({plain(store)}) does not answer: {reason}") from error


def _json(url: str) -> Any:
    """GET; the user and password of the URL, or of MLflow's variables, go along."""
    parts = urllib.parse.urlsplit(url)
    user, _, address = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=address).geturl(), headers=_authorization(user, os.environ))
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        error.close()  # it is an answer too
        raise


def _authorization(user: str, environ: Mapping[str, str]) -> dict[str, str]:
    names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    pair = urllib.parse.unquote(user) or ":".join(environ[name] for name in names if name in environ)
    if pair:
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    token = environ.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}
