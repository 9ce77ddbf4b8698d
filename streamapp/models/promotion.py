"""Makes a registered version the champion; a program of its own too, for those in whom MLflow shall not stay."""

import sys

from streamapp.runtime import child
from streamapp.settings import Settings


def promote(name: str, number: int, settings: Settings) -> int | None:
    """Make a version the champion; the number of the one before, or None. It takes some 3 s, for it imports MLflow.

    Raises:
        RegistryUnavailable, ModelError: the registry does not answer, or has no such version.
    """
    from training.registry import Registry

    return Registry.open(settings.data_dir).promote(name, number)


def promote_apart(name: str, number: int, settings: Settings) -> int | None:
    """The same in a child process."""
    said: list[str] = []
    child.run(f"promoting {name}", __name__, [name, str(number)], settings, said.append)
    return int(said[-1]) or None


def main(name: str, number: str) -> None:
    """As the child: promote, and say the number of the one before, or 0."""
    child.say(str(promote(name, int(number), Settings.load()) or 0))


if __name__ == "__main__":
    sys.exit(child.serve(lambda: main(*sys.argv[1:])))
