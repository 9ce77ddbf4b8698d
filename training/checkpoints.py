"""Where a training stands, on disk after each epoch: whole or not there at all."""

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from streamapp.errors import TrainingError
from training.recipe import Recipe

STATE = "state.json"
UNFINISHED = ".new-"
Row = dict[str, float]


@dataclass(frozen=True)
class State:
    """A training after `epochs_done` epochs: `history` has a row of metrics for each. `command` is what began it."""

    recipe: Recipe
    fingerprint: str
    run_id: str
    command: str
    epochs_done: int = 0
    history: list[Row] = field(default_factory=list)

    @property
    def weights(self) -> str:
        """Name of the file with the weights and the optimizer's state."""
        return f"epoch-{self.epochs_done:03d}.weights.h5"


def check_writable(folder: Path) -> None:
    """Make the folder, and write something into it: to learn after the first epoch that this fails would be late.

    Raises:
        TrainingError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise TrainingError(
            f"{folder} cannot be written: {error.strerror or error}; choose another --output"
        ) from error


def save(folder: Path, state: State, network: Any) -> None:
    """Write weights, optimizer and state; only then the checkpoint before is removed.

    A crash at any moment leaves the old checkpoint or the new one, because `state.json` names the weights it belongs to
    and is replaced in one step.
    """
    unfinished = folder / (UNFINISHED + state.weights)
    network.save_weights(unfinished, overwrite=True)
    replace(unfinished, folder / state.weights)
    write_json(folder / STATE, asdict(state))
    for old in folder.glob("epoch-*.weights.h5"):
        if old.name != state.weights:
            old.unlink()


def find(folder: Path) -> State | None:
    """The state of the training in a folder, or None.

    Raises:
        TrainingError: there is one, and it cannot be read.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        fields = json.loads(path.read_text())
        return State(**{**fields, "recipe": Recipe.from_json(fields["recipe"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} cannot be read ({error}); remove that folder to start anew") from error


def restore(folder: Path, state: State, network: Any) -> None:
    """Put the weights and the optimizer's state of a checkpoint into a network.

    Raises:
        TrainingError: the file is missing or damaged.
    """
    path = folder / state.weights
    try:
        network.load_weights(path)
    except Exception as error:  # OSError, ValueError, KeyError and more, depending on what is wrong
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise TrainingError(f"the checkpoint {path} cannot be loaded: {reason}; start anew without --resume") from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a file in one step."""
    unfinished = path.with_name(UNFINISHED + path.name)
    unfinished.write_text(json.dumps(content, indent=2) + "\n")
    replace(unfinished, path)


def replace(unfinished: Path, path: Path) -> None:
    """Give a finished file its name, once it is on the disk."""
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)
