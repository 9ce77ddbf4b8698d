"""What weights say of themselves, and when that is not believed."""

import json
from pathlib import Path
from typing import Any

import h5py
import pytest

from streamapp.errors import ModelError
from streamapp.runtime import cache, facts
from streamapp.runtime.spec import Accuracy, ModelSpec
from streamapp.settings import Settings

SPEC = ModelSpec("tiny", "TinyCNN", labels=("red", "green"))
TEST = {"accuracy": 0.9, "interval_95": [0.88, 0.92], "pictures": 1000, "confusion": [[1, 2], [3, 4]]}
DIGEST = "12" * 32
KNOWN = Accuracy(0.9, 0.88, 0.92, 1000)
RECIPE = {"model": "tiny", "labels": ["red", "green"], "seed": 1}


def write(path: Path, said: Any = None, beside: Any = None) -> Path:
    with h5py.File(path, "w") as file:
        if said is not None:
            file.attrs[facts.ATTRIBUTE] = json.dumps(said)
    if beside is not None:
        (path.parent / "tiny.json").write_text(json.dumps(beside))
    return path


def accuracy(path: Path) -> Accuracy | None:
    return facts.accuracy(path, DIGEST, facts.inside(path))


def test_accuracy_is_in_the_file_or_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "tiny.weights.h5"
    assert accuracy(write(path, {"recipe": RECIPE, "test": TEST})) == KNOWN
    assert accuracy(write(path, {"recipe": RECIPE})) is None
    assert accuracy(write(path, {"recipe": RECIPE}, {"recipe": RECIPE, "test": TEST, "history": []})) == KNOWN
    assert accuracy(write(path)) == KNOWN, "the file says nothing, so nothing contradicts what lies beside it"


def test_what_lies_beside_other_weights_is_not_theirs(tmp_path: Path) -> None:
    beside = {"recipe": {**RECIPE, "seed": 2}, "test": TEST}
    assert accuracy(write(tmp_path / "tiny.weights.h5", {"recipe": RECIPE}, beside)) is None
    write(tmp_path / "other.weights.h5", None, {"test": TEST, "sha256": "34" * 32})
    assert accuracy(tmp_path / "tiny.keras") is None, "the file says nothing, but has another hash"
    write(tmp_path / "other.weights.h5", None, {"test": TEST, "sha256": DIGEST})
    assert accuracy(tmp_path / "tiny.keras") == KNOWN


@pytest.mark.parametrize("test", [None, 3, {}, {**TEST, "accuracy": 2}, {**TEST, "interval_95": [1]}])
def test_what_is_no_accuracy_is_not_known(tmp_path: Path, test: Any) -> None:
    assert accuracy(write(tmp_path / "tiny.weights.h5", {"recipe": RECIPE, "test": test})) is None


def test_files_that_say_nothing(tmp_path: Path) -> None:
    keras, broken = tmp_path / "x.keras", tmp_path / "y.weights.h5"
    for path in (keras, broken):
        path.write_bytes(b"neither zip nor h5")
    (tmp_path / "x.json").write_text("[")
    (tmp_path / "y.json").write_text("[1]")
    for path in (keras, broken, tmp_path / "missing.weights.h5"):
        assert (facts.inside(path), facts.beside(path), accuracy(path)) == ({}, {}, None)
    assert (facts.inside(None), facts.beside(None)) == ({}, {})


def test_weights_for_other_labels_or_another_order_are_refused() -> None:
    for labels in (["red", "blue"], ["green", "red"], ["red"]):
        with pytest.raises(ModelError, match=r"trained for the labels .*; wanted, in this order: red, green"):
            facts.check_labels(SPEC, {"recipe": {"labels": labels}})
    for said in ({}, {"recipe": RECIPE}, {"recipe": 1}, {"recipe": {}}):
        facts.check_labels(SPEC, said)


def test_weights_for_other_pictures_are_refused_and_it_is_said_what_is_missing() -> None:
    for said in ({"input_size": 96}, {"input_size": 64, "detail": None}, {"detail": 64}):
        with pytest.raises(ModelError, match=r"trained with (input_size|detail) .* put it beside the weights"):
            facts.check_input(SPEC, {"recipe": said})
    for said in ({}, {"input_size": SPEC.input_size, "detail": SPEC.detail}):
        facts.check_input(SPEC, {"recipe": said})


def test_the_cache_keeps_what_the_weights_say_and_refuses_other_labels(tmp_path: Path) -> None:
    def make(folder: Path) -> tuple[int, float]:
        (folder / cache.IR).write_bytes(b"graph")
        return 1, 2.0

    path, settings = write(tmp_path / "tiny.weights.h5", {"recipe": RECIPE, "test": TEST}), Settings(data_dir=tmp_path)
    spec = ModelSpec("tiny", "TinyCNN", labels=("red", "green"), weights=str(path))
    with cache.exclusive(settings, pytest.fail):
        info = cache.store(spec, settings, make).info(spec, "openvino", "f32")
    assert info.accuracy == KNOWN
    assert info.sha256 == cache.require(spec, settings).weights.digest
    other = ModelSpec("tiny", "TinyCNN", labels=("green", "red"), weights=str(path))
    with cache.exclusive(settings, pytest.fail), pytest.raises(ModelError, match="trained for the labels"):
        cache.store(other, settings, make)


def test_weights_that_are_replaced_while_they_are_converted_are_not_kept(tmp_path: Path) -> None:
    path, settings = write(tmp_path / "tiny.weights.h5", {"recipe": RECIPE}), Settings(data_dir=tmp_path)
    spec = ModelSpec("tiny", "TinyCNN", labels=("red", "green"), weights=str(path))

    def make(folder: Path) -> tuple[int, float]:
        write(path, {"recipe": RECIPE, "test": TEST})
        (folder / cache.IR).write_bytes(b"of which of the two?")
        return 1, 2.0

    with cache.exclusive(settings, pytest.fail), pytest.raises(ModelError, match="replaced while they were being"):
        cache.store(spec, settings, make)
    assert cache.find(spec, settings) is None
