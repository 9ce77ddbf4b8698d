"""Where a training stands, on disk."""

from pathlib import Path

import pytest

from training.checkpoints import STATE, State, find, save
from training.recipe import Recipe

RECIPE = Recipe("tiny", "TinyCNN", 32, ("a", "b"), data=("/somewhere",))


class Network:
    """Writes a file as Keras does, or fails half way."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails

    def save_weights(self, path: Path, overwrite: bool) -> None:
        path.write_bytes(b"weights")
        if self.fails:
            raise OSError("disk full")


def state(epochs: int) -> State:
    return State(RECIPE, "f00d", "run", "streamapp train tiny", epochs, [{"loss": 0.5}] * epochs)


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    save(tmp_path, state(1), Network())
    assert find(tmp_path) == state(1)


def test_only_the_newest_is_kept(tmp_path: Path) -> None:
    save(tmp_path, state(1), Network())
    save(tmp_path, state(2), Network())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-002.weights.h5", STATE]


def test_the_old_one_stays_when_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    save(tmp_path, state(1), Network())
    with pytest.raises(OSError, match="disk full"):
        save(tmp_path, state(2), Network(fails=True))
    left = find(tmp_path)
    assert left == state(1)
    assert left is not None
    assert (tmp_path / left.weights).read_bytes() == b"weights"


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    assert find(tmp_path) is None
