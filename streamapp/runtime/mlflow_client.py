"""The one place of the platform that imports MLflow, for what its registry can only be asked through it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from streamapp.errors import ModelError, RegistryUnavailable
from streamapp.runtime.registry import DIGEST, Reference, Version, missing
from streamapp.runtime.stores import plain

T = TypeVar("T")

#: A person, or a worker that has another model to go on with, does not wait as long as MLflow would by itself.
HASTY = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
#: What MLflow says where something is not there; the second for an alias.
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


def connect(store: str) -> Any:
    """A client of a store, `mlflow.MlflowClient`; nothing is reported home. Importing takes seconds.

    Raises whatever MLflow raises where the store cannot be opened.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    from mlflow import MlflowClient

    return MlflowClient(store)


def registry(store: str) -> Any:
    """A client of a model registry that gives up within seconds.

    Raises:
        RegistryUnavailable: it cannot be opened.
    """
    for name, value in HASTY.items():
        os.environ.setdefault(name, value)
    return ask(store, connect, store)


def ask(store: str, call: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """The result of a call of MLflow, whose errors become one line.

    Raises:
        ModelError: what was asked for is not there.
        RegistryUnavailable: the registry does not answer.
    """
    try:
        return call(*arguments, **options)
    except Exception as error:  # MLflow raises its own, requests', SQLAlchemy's and OSError
        if getattr(error, "error_code", "") in ABSENT:
            raise ModelError(f"the registry ({plain(store)}): {_line(error)}") from error
        raise RegistryUnavailable(f"the registry ({plain(store)}) does not answer: {_line(_first(error))}") from error


def _first(error: BaseException) -> BaseException:
    """What it all began with: the other errors tell it again in many words."""
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return error


def _line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def version(reference: Reference, store: str) -> Version:
    """The version that a reference stands for now.

    Raises:
        RegistryUnavailable: the registry does not answer.
        ModelError: there is no such model, version or alias.
    """
    return find(registry(store), reference, store)


def find(client: Any, reference: Reference, store: str) -> Version:
    """As `version`, with a client that is there already."""
    try:
        if reference.alias:
            found = ask(store, client.get_model_version_by_alias, reference.name, reference.alias)
        else:
            found = ask(store, client.get_model_version, reference.name, str(reference.number))
    except RegistryUnavailable:
        raise
    except ModelError as error:
        raise missing(reference, store) from error
    return Version(reference.name, int(found.version), found.tags.get(DIGEST, ""))


def download(version: Version, store: str, folder: Path) -> None:
    """Copy the files of a version into a folder.

    Raises:
        RegistryUnavailable: the registry, or the place where it keeps files, does not answer.
        ModelError: the files are gone.
    """
    client = registry(store)
    place = ask(store, client.get_model_version_download_uri, version.name, str(version.number))
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow.artifacts import download_artifacts

    ask(store, download_artifacts, artifact_uri=place, dst_path=str(folder), tracking_uri=store)
