"""MLflow's model registry, as a worker reads it: which version of a model an alias stands for.

MLflow itself is not imported here: that takes 3 s and 200 MB, and a worker asks every few seconds. Servers are asked by
MLflow's REST interface, the local database by SQL; only other stores need MLflow's client.
"""

import base64
import json
import os
import re
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamapp.errors import ModelError, RegistryUnavailable
from streamapp.settings import Settings

SCHEME = "models:/"
URI = re.compile(r"models:/(?P<name>[^/@#\s]+)(@(?P<alias>[\w-]+)|/(?P<number>[1-9]\d*))")
TRACKING = "MLFLOW_TRACKING_URI"
SQLITE = "sqlite:///"
#: The tag of a version with the SHA-256 of its weights file.
DIGEST = "sha256"
TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Reference:
    """What a `models:/` URI names: a version by its number, or the one that an alias stands for now."""

    name: str
    alias: str = ""
    number: int = 0

    @property
    def uri(self) -> str:
        """`models:/NAME@ALIAS` or `models:/NAME/NUMBER`."""
        return f"{SCHEME}{self.name}@{self.alias}" if self.alias else f"{SCHEME}{self.name}/{self.number}"


@dataclass(frozen=True)
class Version:
    """A version of a registered model; `digest` is the SHA-256 of its weights, empty where nobody noted it."""

    name: str
    number: int
    digest: str

    @property
    def uri(self) -> str:
        """The URI of this very version, whatever happens to aliases."""
        return Reference(self.name, number=self.number).uri


def parse(uri: str) -> Reference:
    """Read a `models:/` URI.

    Raises:
        ModelError: it is neither `models:/NAME@ALIAS` nor `models:/NAME/VERSION`.
    """
    found = URI.fullmatch(uri)
    if found is None:
        raise ModelError(f"{uri}: write {SCHEME}NAME@champion or {SCHEME}NAME/VERSION")
    return Reference(found["name"], found["alias"] or "", int(found["number"] or 0))


def moves(uri: str) -> bool:
    """Whether this weights URI can stand for other weights later: an alias of the registry."""
    return URI.fullmatch(uri) is not None and parse(uri).alias != ""


def tracking_uri(data_dir: Path) -> str:
    """Where MLflow keeps runs and registered models: MLFLOW_TRACKING_URI, else SQLite in the data folder."""
    return os.environ.get(TRACKING) or f"{SQLITE}{(data_dir / 'mlflow.db').resolve()}"


def current(uri: str, settings: Settings) -> Version:
    """The version that a `models:/` URI stands for now.

    It blocks (milliseconds; at most some 5 s where a server does not answer): call it in a thread.

    Raises:
        RegistryUnavailable: the registry does not answer; the same call may succeed later.
        ModelError: no such model, version or alias, or the URI is none.
    """
    reference, store = parse(uri), tracking_uri(settings.data_dir)
    if store.startswith(SQLITE):
        return _from_database(reference, Path(store.removeprefix(SQLITE)))
    if store.startswith(("http://", "https://")):
        return _from_server(reference, store)
    from streamapp.runtime import mlflow_client

    return mlflow_client.version(reference, store)


def missing(reference: Reference, store: str) -> ModelError:
    """The error for what a registry does not have."""
    what = f"alias {reference.alias!r}" if reference.alias else f"version {reference.number}"
    return ModelError(
        f"{reference.uri}: the registry ({plain(store)}) has no {what} of a model {reference.name!r}; "
        f"`streamapp models show {reference.name}` lists what it has"
    )


def plain(store: str) -> str:
    """A store's address without the user and password that it may have in it."""
    return re.sub(r"//[^/@]*@", "//", store)


def _from_database(reference: Reference, path: Path) -> Version:
    store = f"{SQLITE}{path}"
    if not path.is_file():
        raise ModelError(
            f"{reference.uri}: there is no registry at {path}; register a model with `streamapp train --register`, "
            f"or set {TRACKING}"
        )
    try:
        database = sqlite3.connect(f"file:{urllib.parse.quote(str(path))}?mode=ro", uri=True, timeout=TIMEOUT_S)
        try:
            return _rows(reference, store, database)
        finally:
            database.close()
    except sqlite3.Error as error:
        raise RegistryUnavailable(f"{reference.uri}: the registry ({store}) cannot be read: {error}") from error


def _rows(reference: Reference, store: str, database: sqlite3.Connection) -> Version:
    if reference.alias:
        row = database.execute(
            "SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ? AND workspace = 'default'",
            (reference.name, reference.alias),
        ).fetchone()
    else:
        row = database.execute(
            "SELECT version FROM model_versions WHERE name = ? AND version = ? AND workspace = 'default'",
            (reference.name, reference.number),
        ).fetchone()
    if row is None:
        raise missing(reference, store)
    tag = database.execute(
        "SELECT value FROM model_version_tags WHERE name = ? AND version = ? AND \"key\" = ? AND workspace = 'default'",
        (reference.name, row[0], DIGEST),
    ).fetchone()
    return Version(reference.name, int(row[0]), str(tag[0]) if tag else "")


def _from_server(reference: Reference, store: str) -> Version:
    if reference.alias:
        path, query = "registered-models/alias", {"name": reference.name, "alias": reference.alias}
    else:
        path, query = "model-versions/get", {"name": reference.name, "version": str(reference.number)}
    url = f"{store.rstrip('/')}/api/2.0/mlflow/{path}?{urllib.parse.urlencode(query)}"
    try:
        answer = _json(url)["model_version"]
        tags = {tag["key"]: tag["value"] for tag in answer.get("tags", [])}
        return Version(reference.name, int(answer["version"]), tags.get(DIGEST, ""))
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, urllib.error.HTTPError) and error.code in (400, 404):
            raise missing(reference, store) from error
        reason = getattr(error, "reason", "") or f"with something else ({type(error).__name__})"
        text = f"{reference.uri}: the registry ({plain(store)}) does not answer: {reason}"
        raise RegistryUnavailable(text) from error


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
