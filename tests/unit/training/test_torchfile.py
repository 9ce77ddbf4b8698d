"""Torch checkpoints are read without torch, and nothing else is."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamapp.errors import TrainingError
from tests.support.torch_files import MAGIC, PROTOCOL, new_layout, old_layout
from training.torchfile import tensors

TENSORS = {
    "features.0.weight": np.arange(24, dtype="<f4").reshape(2, 3, 4),
    "features.1.weight": np.arange(12, dtype="<f4").reshape(3, 4).T,  # strides that are not those of a new array
    "features.1.num_batches_tracked": np.array(7, dtype="<i8"),
    "half": np.array([0.5, -2], dtype="<f2"),
}


@pytest.mark.parametrize("layout", [old_layout, new_layout])
def test_both_layouts_give_names_shapes_and_numbers(tmp_path: Path, layout: Callable[[Any], bytes]) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(layout(TENSORS))
    found = tensors(path)
    assert list(found) == list(TENSORS)
    for name, values in TENSORS.items():
        assert (found[name].dtype, found[name].shape) == (values.dtype, values.shape)
        assert np.array_equal(found[name], values)


def test_a_state_dict_inside_of_a_checkpoint_is_found(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(new_layout(TENSORS, lambda state: {"state_dict": state, "epoch": 3}))
    assert list(tensors(path)) == list(TENSORS)


def test_a_checkpoint_in_a_wheel_is_found(tmp_path: Path) -> None:
    wheel = tmp_path / "package.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("package/__init__.py", "")
        archive.writestr("package/weights.pt", old_layout(TENSORS))
    assert list(tensors(wheel)) == list(TENSORS)


class Evil:
    """What a hostile checkpoint would hold."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> Any:
        return self.call, self.arguments


@pytest.mark.parametrize("call", [os.system, eval, getattr, pickle.loads, np.load])
def test_no_other_name_in_a_pickle_is_looked_up(tmp_path: Path, call: Callable[..., Any]) -> None:
    mark = tmp_path / "mark"
    argument = f"__import__('pathlib').Path({str(mark)!r}).touch()" if call is eval else f"touch {mark}"
    for content in (
        pickle.dumps(Evil(call, argument), 2),
        pickle.dumps(MAGIC, 2) + pickle.dumps(PROTOCOL, 2) + pickle.dumps(Evil(call, argument), 2),
        new_layout({}, lambda _: Evil(call, argument)),
    ):
        path = tmp_path / "weights.pt"
        path.write_bytes(content)
        with pytest.raises(TrainingError, match="is not allowed in it"):
            tensors(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no checkpoint",
        pickle.dumps({"a": 1}),
        old_layout(TENSORS)[:-1],
        old_layout(TENSORS)[:300],
        new_layout({}),
    ],
)
def test_what_is_no_whole_checkpoint_is_one_line_with_the_path(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r"weights\.pt is not a torch checkpoint") as caught:
        tensors(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot be read: No such file"):
        tensors(tmp_path / "none.pt")


@pytest.mark.parametrize("bomb", [np.zeros(10, "<f4"), np.broadcast_to(np.zeros(1, "<f4"), (2**10, 2**10))])
def test_a_tensor_that_is_larger_than_its_numbers_is_refused(tmp_path: Path, bomb: Any) -> None:
    """Strides of 0 would make gigabytes of four bytes."""
    path = tmp_path / "weights.pt"
    path.write_bytes(new_layout({"bomb": bomb}, kept=4))
    with pytest.raises(TrainingError, match="reaches over the end of its numbers"):
        tensors(path)
