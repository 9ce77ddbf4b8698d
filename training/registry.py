"""The registered models of MLflow, for those who change them: new versions, and which of them is the champion."""

import json
from pathlib import Path
from typing import Any

from streamapp.errors import ModelError, RegistryUnavailable
from streamapp.runtime import facts, mlflow_client
from streamapp.runtime.registry import DIGEST, Reference, Version
from streamapp.runtime.stores import SQLITE, local, tracking_uri
from streamapp.runtime.versions import NOTED, no_model
from streamapp.runtime.weightfiles import look
from training.record import MODEL

CHAMPION, PREVIOUS = "champion", "previous"
#: Parts of the test's result that are too long for a tag; they stay in the file.
LONG = ("confusion",)


class Registry:
    """The registry of the data folder, or the one that MLFLOW_TRACKING_URI names."""

    def __init__(self, store: str, client: Any) -> None:
        self.store, self._client = store, client

    @classmethod
    def open(cls, data_dir: Path) -> "Registry":
        """Connect; it takes some 3 s, for it imports MLflow.

        Raises:
            NotRegistered: there is no registry yet.
            RegistryUnavailable: it does not answer.
        """
        store = tracking_uri(data_dir)
        if store.startswith(SQLITE):
            local(store)
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
            raise no_model(name, self.store) from error
        return {alias: int(number) for alias, number in model.aliases.items()}

    def _ask(self, call: Any, *arguments: Any, **options: Any) -> Any:
        return mlflow_client.ask(self.store, call, *arguments, **options)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
