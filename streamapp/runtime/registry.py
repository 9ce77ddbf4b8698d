"""MLflow's model registry, as a worker reads it: which version of a model an alias stands for.

MLflow itself is not imported here: that takes 3 s and 200 MB, and a worker asks every few seconds. Servers are asked by
MLflow's REST interface, the local database by SQL; only other stores need MLflow's client.
"""

import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streamapp.errors import ModelError, NotRegistered
from streamapp.runtime.stores import SERVERS, SQLITE, ask_server, plain, read_database, tracking_uri
from streamapp.settings import Settings

SCHEME = "models:/"
URI = re.compile(r"models:/(?P<name>[^/@#\s]+)(@(?P<alias>[\w-]+)|/(?P<number>[1-9]\d*))")
#: The tag of a version with the SHA-256 of its weights file.
DIGEST = "sha256"


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


def registered_name(uri: str) -> str:
    """Which registered model a weights URI is of; empty for other weights."""
    found = URI.fullmatch(uri)
    return found["name"] if found else ""


def current(uri: str, settings: Settings) -> Version:
    """The version that a `models:/` URI stands for now.

    It blocks (milliseconds; at most some 5 s where a server does not answer): call it in a thread.

    Raises:
        RegistryUnavailable: the registry does not answer; the same call may succeed later.
        NotRegistered: no such model, version or alias.
        ModelError: the URI is none.
    """
    reference, store = parse(uri), tracking_uri(settings.data_dir)
    if store.startswith(SQLITE):
        return read_database(store, reference.uri, lambda database: _rows(reference, store, database))
    if store.startswith(SERVERS):
        return _from_server(reference, store)
    from streamapp.runtime import mlflow_client

    return mlflow_client.version(reference, store)


def missing(reference: Reference, store: str) -> NotRegistered:
    """The error for what a registry does not have."""
    what = f"alias {reference.alias!r}" if reference.alias else f"version {reference.number}"
    return NotRegistered(
        f"{reference.uri}: the registry ({plain(store)}) has no {what} of a model {reference.name!r}; "
        f"`streamapp models show {reference.name}` lists what it has"
    )


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
    return ask_server(store, path, query, reference.uri, missing(reference, store), _version(reference.name))


def _version(name: str) -> Callable[[Any], Version]:
    def parse(answer: Any) -> Version:
        found = answer["model_version"]
        tags = {tag["key"]: tag["value"] for tag in found.get("tags", [])}
        return Version(name, int(found["version"]), tags.get(DIGEST, ""))

    return parse
