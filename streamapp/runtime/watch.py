"""Sees that weights may have changed, without reading them: an alias that moved, a file that was replaced."""

from collections.abc import Hashable
from pathlib import Path

from streamapp.runtime import facts, registry
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import place, unpinned
from streamapp.settings import Settings


def mark(spec: ModelSpec, settings: Settings) -> Hashable:
    """What the weights' URI points to now; another value when it points elsewhere, or a file of it was replaced.

    It blocks for milliseconds, or for seconds where a registry does not answer: call it in a thread.

    Raises:
        RegistryUnavailable: the registry does not answer.
        ModelError: the registry has no such model or alias any more.
    """
    uri, _ = unpinned(spec.weights)
    if registry.moves(uri):
        return registry.current(uri, settings)
    path = place(uri)
    return tuple(_file(each) for each in (path, facts.place(path), path / "model.xml", path / "model.bin"))


def _file(path: Path) -> Hashable:
    try:
        found = path.stat()
    except (OSError, ValueError):  # nothing is there, or it is no path at all but a name
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
