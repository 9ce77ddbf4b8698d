"""Weights by URI: which ones there are, and a clear word about those that there are not."""

import hashlib
from pathlib import Path

import pytest

from streamapp.errors import ModelError
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import resolve
from streamapp.settings import Settings

NO_SETTINGS = Settings()


def spec(weights: str = "fresh", architecture: str = "TinyCNN", size: int = 64) -> ModelSpec:
    return ModelSpec("mine", architecture, input_size=size, weights=weights)


def test_fresh_weights_are_untrained_and_say_so() -> None:
    weights = resolve(spec(), NO_SETTINGS)
    assert not weights.trained
    assert weights.version == f"untrained-{weights.digest[:8]}"
    assert weights == resolve(spec(), NO_SETTINGS)


def test_fresh_weights_of_another_model_are_others() -> None:
    digests = {resolve(one, NO_SETTINGS).digest for one in (spec(), spec(size=32), spec(architecture="ResNet50"))}
    assert len(digests) == 3


def test_cifar10_is_fresh_while_nothing_is_bundled() -> None:
    weights = resolve(spec("cifar10"), NO_SETTINGS)
    assert (weights.uri, weights.trained) == ("fresh", False)


@pytest.mark.parametrize("name", ["best.keras", "best.weights.h5"])
def test_a_keras_file_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"numbers")
    weights = resolve(spec(str(path)), NO_SETTINGS)
    assert (weights.kind, weights.path, weights.trained) == ("keras", path, True)
    assert weights.version == hashlib.sha256(b"numbers").hexdigest()[:12]


def test_an_openvino_folder_is_known_by_both_files(tmp_path: Path) -> None:
    (tmp_path / "model.xml").write_bytes(b"graph ")
    (tmp_path / "model.bin").write_bytes(b"numbers")
    weights = resolve(spec(str(tmp_path)), NO_SETTINGS)
    assert (weights.kind, weights.trained) == ("openvino", True)
    assert weights.digest == hashlib.sha256(b"graph numbers").hexdigest()


def test_the_settings_speak_for_all_models(tmp_path: Path) -> None:
    path = tmp_path / "best.keras"
    path.write_bytes(b"")
    assert resolve(spec("fresh"), Settings(weights=str(path))).path == path


@pytest.mark.parametrize("uri", ["imaginary", "/nowhere/best.keras", "models:/mine@champion"])
def test_what_does_not_exist(uri: str) -> None:
    with pytest.raises(ModelError, match=rf"model 'mine': weights '{uri}'.* does not exist; weights are `cifar10`"):
        resolve(spec(uri), NO_SETTINGS)


def test_what_exists_and_is_no_weights(tmp_path: Path) -> None:
    (tmp_path / "model.xml").write_text("")
    (tmp_path / "notes.txt").write_text("")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(ModelError, match="has no weights that can be read"):
            resolve(spec(str(path)), NO_SETTINGS)
