"""The registered models of MLflow, for those who change them: new versions, and which of them is the champion."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streamapp.errors import ModelError, RegistryUnavailable
from streamapp.runtime import facts, mlflow_client
from streamapp.runtime.registry import DIGEST, SQLITE, TRACKING, Reference, Version, plain, tracking_uri
from streamapp.runtime.spec import Accuracy
from streamapp.runtime.weightfiles import look
from training.record import MODEL

CHAMPION, PREVIOUS = "champion", "previous"
#: Tags of a version beside the hash: what the trainer noted, the last three as JSON or text of it.
NOTED = ("recipe", "test", "data_fingerprint", "command")
#: Parts of the test's result that are too long for a tag; they stay in the file.
LONG = ("confusion",)


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
        return facts.accuracy(None, self.notes)


class Registry:
    """The registry of the data folder, or the one that MLFLOW_TRACKING_URI names."""

    def __init__(self, store: str, client: Any) -> None:
        self.store, self._client = store, client

    @classmethod
    def open(cls, data_dir: Path) -> "Registry":
        """Connect; it takes some 3 s, for it imports MLflow.

        Raises:
            ModelError: there is no registry yet.
            RegistryUnavailable: it does not answer.
        """
        store = tracking_uri(data_dir)
        if store.startswith(SQLITE) and not Path(store.removeprefix(SQLITE)).is_file():
            raise ModelError(
                f"there is no registry at {store.removeprefix(SQLITE)}: register a model with "
                f"`streamapp train --register` or `streamapp models register`, or set {TRACKING}"
            )
        return cls(store, mlflow_client.registry(store))

    def add(self, name: str, run_id: str, weights: Path) -> Version:
        """Register what a run has in its folder `model`, of which `weights` is our copy, as a new version.

        Raises:
            RegistryUnavailable, ModelError: the registry does not answer, or refuses.
        """
        file = look(weights)
        if file is None:
            raise ModelError(f"{weights} has no weights that can be read")
        notes = facts.noted(weights, file.digest)
        test = {key: value for key, value in notes.get("test", {}).items() if key not in LONG}
        tags = {key: _text(value) for key, value in {**notes, "test": test}.items() if key in NOTED and value}
        if not self._ask(self._client.search_registered_models, f"name = '{name}'"):
            self._ask(self._client.create_registered_model, name)
        place = f"{self._ask(self._client.get_run, run_id).info.artifact_uri}/{MODEL}"
        options = {"run_id": run_id, "tags": {**tags, DIGEST: file.digest}}
        made = self._ask(self._client.create_model_version, name, place, **options)
        return Version(name, int(made.version), file.digest)

    def versions(self, name: str) -> list[Registered]:
        """Every version of a model, the newest first.

        Raises:
            RegistryUnavailable, ModelError: the registry does not answer, or has no such model.
        """
        aliases = self._aliases(name)
        found = self._ask(self._client.search_model_versions, f"name = '{name}'")
        return sorted((_registered(each, aliases) for each in found), key=lambda each: -each.version.number)

    def promote(self, name: str, number: int) -> int | None:
        """Make a version the champion; the one before, which is remembered for `rollback`, or None.

        Raises:
            RegistryUnavailable, ModelError: the registry does not answer, or has no such version.
        """
        before = self._aliases(name).get(CHAMPION)
        mlflow_client.find(self._client, Reference(name, number=number), self.store)
        if before not in (None, number):
            self._ask(self._client.set_registered_model_alias, name, PREVIOUS, str(before))
        self._ask(self._client.set_registered_model_alias, name, CHAMPION, str(number))
        return before

    def rollback(self, name: str) -> int:
        """Make the champion before this one the champion again, and the other way round; its number.

        Raises:
            RegistryUnavailable, ModelError: the registry does not answer, or knows of no champion before.
        """
        aliases = self._aliases(name)
        before = aliases.get(PREVIOUS)
        if before is None or before == aliases.get(CHAMPION):
            raise ModelError(
                f"{name} has no champion before this one; `streamapp models show {name}` lists the versions, "
                "`streamapp models promote` takes any of them"
            )
        self.promote(name, before)
        return before

    def _aliases(self, name: str) -> dict[str, int]:
        try:
            model = self._ask(self._client.get_registered_model, name)
        except RegistryUnavailable:
            raise
        except ModelError as error:
            raise ModelError(f"the registry ({plain(self.store)}) has no model {name!r}") from error
        return {alias: int(number) for alias, number in model.aliases.items()}

    def _ask(self, call: Any, *arguments: Any, **options: Any) -> Any:
        return mlflow_client.ask(self.store, call, *arguments, **options)


def _registered(found: Any, aliases: Mapping[str, int]) -> Registered:
    version = Version(found.name, int(found.version), found.tags.get(DIGEST, ""))
    return Registered(
        version,
        tuple(sorted(alias for alias, number in aliases.items() if number == version.number)),
        datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        found.run_id or "",
        {name: _value(found.tags[name]) for name in NOTED if name in found.tags},
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _value(text: str) -> Any:
    """What `_text` made a text of."""
    try:
        return json.loads(text)
    except ValueError:
        return text
