"""Every version that MLflow's registry has of a model, asked as `registry` asks for one."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from streamapp.errors import ModelError, NotRegistered, RegistryUnavailable
from streamapp.runtime import facts
from streamapp.runtime.registry import DIGEST, Version
from streamapp.runtime.spec import Accuracy
from streamapp.runtime.stores import SERVERS, SQLITE, ask_server, plain, read_database, tracking_uri
from streamapp.settings import Settings

#: Tags of a version beside the hash: what the trainer noted, the last three as JSON or text of it.
NOTED = ("recipe", "test", "data_fingerprint", "command")
#: Versions that a server is asked for at once.
PAGE = 200


@dataclass(frozen=True)
class Registered:
    """A version of a registered model, with what is known of it. `notes` are those of the trainer."""

    version: Version
    aliases: tuple[str, ...]
    created: datetime
    run_id: str
    notes: Mapping[str, Any]

    @property
    def accuracy(self) -> Accuracy | None:
        """What training measured on its test pictures."""
        return facts.accuracy(None, self.version.digest, self.notes)


@dataclass(frozen=True)
class _Row:
    """A version as a store has it; `created` in milliseconds since 1970."""

    number: int
    created: int
    run_id: str | None
    tags: Mapping[str, str]


def registered(name: str, settings: Settings) -> list[Registered]:
    """Every version of a model, the newest first.

    It blocks (milliseconds; some seconds where a server does not answer): call it in a thread.

    Raises:
        NotRegistered: there is no registry, or it has no such model.
        RegistryUnavailable: it does not answer.
    """
    store = tracking_uri(settings.data_dir)
    if store.startswith(SQLITE):
        aliases, rows = read_database(store, name, lambda database: _from_database(name, store, database))
    elif store.startswith(SERVERS):
        aliases, rows = _from_server(name, store)
    else:
        aliases, rows = _from_mlflow(name, store)
    return sorted((_registered(name, row, aliases) for row in rows), key=lambda each: -each.version.number)


def no_model(name: str, store: str) -> NotRegistered:
    """The error for a model that a registry does not have."""
    return NotRegistered(f"the registry ({plain(store)}) has no model {name!r}")


def _from_database(name: str, store: str, database: sqlite3.Connection) -> tuple[dict[str, int], list[_Row]]:
    def rows(query: str) -> list[Any]:
        return database.execute(f"SELECT {query} WHERE name = ? AND workspace = 'default'", (name,)).fetchall()

    if not rows("1 FROM registered_models"):
        raise no_model(name, store)
    tags: dict[int, dict[str, str]] = {}
    for number, key, value in rows('version, "key", value FROM model_version_tags'):
        tags.setdefault(number, {})[key] = value
    found = rows("version, creation_time, run_id, current_stage FROM model_versions")
    kept = [_Row(row[0], row[1], row[2], tags.get(row[0], {})) for row in found if row[3] != "Deleted_Internal"]
    return dict(rows("alias, version FROM registered_model_aliases")), kept


def _from_server(name: str, store: str) -> tuple[dict[str, int], list[_Row]]:
    def aliases(answer: Any) -> dict[str, int]:
        found = answer["registered_model"].get("aliases", [])
        return {each["alias"]: int(each["version"]) for each in found}

    def page(answer: Any) -> tuple[list[_Row], str]:
        return [_sent(each) for each in answer.get("model_versions", [])], answer.get("next_page_token", "")

    none = no_model(name, store)
    given = ask_server(store, "registered-models/get", {"name": name}, name, none, aliases)
    quote = '"' if "'" in name else "'"
    query = {"filter": f"name = {quote}{name}{quote}", "max_results": str(PAGE)}
    rows, token = ask_server(store, "model-versions/search", query, name, none, page)
    while token:
        more, token = ask_server(store, "model-versions/search", {**query, "page_token": token}, name, none, page)
        rows += more
    return given, rows


def _sent(found: Any) -> _Row:
    tags = {tag["key"]: tag["value"] for tag in found.get("tags", [])}
    return _Row(int(found["version"]), int(found["creation_timestamp"]), found.get("run_id"), tags)


def _from_mlflow(name: str, store: str) -> tuple[dict[str, int], list[_Row]]:
    from streamapp.runtime import mlflow_client

    client = mlflow_client.registry(store)
    try:
        aliases = mlflow_client.ask(store, client.get_registered_model, name).aliases
    except RegistryUnavailable:
        raise
    except ModelError as error:
        raise no_model(name, store) from error
    found: Iterable[Any] = mlflow_client.ask(store, client.search_model_versions, f"name = '{name}'")
    rows = [_Row(int(each.version), each.creation_timestamp, each.run_id, each.tags) for each in found]
    return {alias: int(number) for alias, number in aliases.items()}, rows


def _registered(name: str, row: _Row, aliases: Mapping[str, int]) -> Registered:
    return Registered(
        Version(name, row.number, row.tags.get(DIGEST, "")),
        tuple(sorted(alias for alias, number in aliases.items() if number == row.number)),
        datetime.fromtimestamp(row.created / 1000, UTC),
        row.run_id or "",
        {tag: _value(row.tags[tag]) for tag in NOTED if tag in row.tags},
    )


def _value(text: str) -> Any:
    """What the registration made a text of."""
    try:
        return json.loads(text)
    except ValueError:
        return text
