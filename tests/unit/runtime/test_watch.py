"""Weights that may have changed are seen without being read."""

from pathlib import Path

import pytest

from streamapp.errors import RegistryUnavailable
from streamapp.runtime import registry
from streamapp.runtime.registry import Version
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.watch import mark
from streamapp.settings import Settings


def spec(weights: object) -> ModelSpec:
    return ModelSpec("tiny", "TinyCNN", weights=str(weights))


def test_a_file_that_is_replaced_removed_or_written_again_has_another_mark(tmp_path: Path) -> None:
    file, marks = tmp_path / "a.weights.h5", []
    marks.append(mark(spec(file), Settings()))
    file.write_bytes(b"1")
    marks.append(mark(spec(file), Settings()))
    assert mark(spec(file), Settings()) == marks[-1]
    (tmp_path / "b").write_bytes(b"2")
    (tmp_path / "b").rename(file)
    marks.append(mark(spec(file), Settings()))
    with file.open("ab") as open_file:
        open_file.write(b"3")
    marks.append(mark(spec(file), Settings()))
    assert len(set(marks)) == 4


def test_what_is_said_of_a_file_is_watched_too(tmp_path: Path) -> None:
    file = tmp_path / "a.weights.h5"
    file.write_bytes(b"1")
    before = mark(spec(file), Settings())
    (tmp_path / "a.json").write_text("{}")
    assert mark(spec(file), Settings()) != before, "weights that were refused for want of it are tried again"


def test_the_files_of_a_folder_are_watched(tmp_path: Path) -> None:
    (tmp_path / "model.xml").write_bytes(b"1")
    before = mark(spec(tmp_path), Settings())
    (tmp_path / "model.xml").write_bytes(b"22")
    assert mark(spec(tmp_path), Settings()) != before


@pytest.mark.parametrize(
    "weights", ["cifar10", "fresh", "imagenet", "models:/tiny/3", "x" * 5000, "nul\0", "/", "~nobody-here/a"]
)
def test_what_cannot_move_has_one_mark(weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert mark(spec(weights), Settings()) == mark(spec(weights), Settings(data_dir=tmp_path))


def test_a_file_is_watched_where_it_is_pinned_too(tmp_path: Path) -> None:
    file = tmp_path / "a.weights.h5"
    pinned = spec(f"{file}#sha256={'0' * 64}")
    before = mark(pinned, Settings())
    file.write_bytes(b"1")
    assert mark(pinned, Settings()) != before


@pytest.mark.parametrize("pin", ["", f"#sha256={'0' * 64}"])
def test_an_alias_has_the_mark_of_the_version_that_it_stands_for(pin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "current", lambda uri, _: Version(uri, 2, "ab"))
    assert mark(spec(f"models:/tiny@champion{pin}"), Settings()) == Version("models:/tiny@champion", 2, "ab")


def test_a_registry_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(RegistryUnavailable):
        mark(spec("models:/tiny@champion"), Settings())
