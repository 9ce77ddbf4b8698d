"""Weights that a registry keeps, brought into the model cache once; `python -m` is the child that imports MLflow."""

import re
import sys
from pathlib import Path

from streamapp.errors import ModelError
from streamapp.runtime import child, folders
from streamapp.runtime.registry import Reference, Version
from streamapp.runtime.stores import tracking_uri
from streamapp.runtime.weightfiles import WeightsFile, inside
from streamapp.settings import Settings

SHA256 = re.compile("[0-9a-f]{64}")


def root(settings: Settings) -> Path:
    """The folder of all downloads: a subfolder for each hash."""
    return settings.data_dir / "models" / "weights"


def fetched(version: Version, settings: Settings) -> WeightsFile:
    """The weights of a version, downloaded by a child process unless they are here already; it blocks.

    Raises:
        RegistryUnavailable: the registry does not answer.
        ModelError: it has no such version, or no weights in it that can be read, or others than were registered.
    """
    found = _kept(version.digest, settings)
    if found is None:
        said: list[str] = []
        child.run(f"downloading {version.uri}", __name__, [version.name, str(version.number)], settings, said.append)
        found = _kept(said[-1] if said else "", settings)
    if found is None:
        raise ModelError(f"{version.uri} was downloaded and is gone again from {root(settings)}; try again")
    return found


def _kept(digest: str, settings: Settings) -> WeightsFile | None:
    """The download with this hash, if there is one and it is whole."""
    if not SHA256.fullmatch(digest):
        return None
    found = inside(root(settings) / digest)
    return found if found is not None and found.digest == digest else None


def download(name: str, number: int, settings: Settings) -> str:
    """Bring a version into the cache unless it is there; its hash. Only for a child: it imports MLflow.

    Raises:
        RegistryUnavailable, ModelError: as for `fetched`.
    """
    from streamapp.runtime import mlflow_client

    store = tracking_uri(settings.data_dir)
    version = mlflow_client.version(Reference(name, number=number), store)
    with folders.exclusive(root(settings), lambda: None):
        if _kept(version.digest, settings) is not None:
            return version.digest  # another process was first
        unfinished = folders.begin(root(settings) / f"{version.name}-{version.number}")
        mlflow_client.download(version, store, unfinished)
        found = _checked(version, unfinished)
        folders.finish(unfinished, root(settings) / found.digest)
        return found.digest


def _checked(version: Version, folder: Path) -> WeightsFile:
    found = inside(folder)
    if found is None:
        raise ModelError(
            f"{version.uri}: its files hold no weights that can be read: there must be exactly one .keras or "
            ".weights.h5 file, or OpenVINO model.xml"
        )
    if version.digest not in ("", found.digest):
        raise ModelError(f"{version.uri}: its file is not the one that was registered: SHA-256 {found.digest}")
    return found


if __name__ == "__main__":
    sys.exit(child.serve(lambda: child.say(download(sys.argv[1], int(sys.argv[2]), Settings.load()))))
