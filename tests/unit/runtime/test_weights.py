"""Weights by URI: which ones there are, and a clear word about those that there are not."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamapp.errors import ModelError
from streamapp.runtime import imagenet, weights
from streamapp.runtime.spec import CIFAR10, ModelSpec
from streamapp.runtime.weights import exact, resolve
from streamapp.settings import Settings

NO_SETTINGS = Settings()
DIGEST = hashlib.sha256(b"numbers").hexdigest()


def spec(weights: object = "fresh", architecture: str = "TinyCNN", size: int = 64) -> ModelSpec:
    return ModelSpec("mine", architecture, input_size=size, weights=str(weights))


def trained(folder: Path, name: str = "mine", **recipe: Any) -> Path:
    """A weights file as the trainer leaves it: with its notes beside it."""
    path = folder / f"{name}.weights.h5"
    path.write_bytes(b"numbers")
    known = {"architecture": "TinyCNN", "labels": list(CIFAR10), **recipe}
    (folder / f"{name}.json").write_text(json.dumps({"recipe": known, "sha256": DIGEST}))
    return path


def test_fresh_weights_are_untrained_and_say_so() -> None:
    weights = resolve(spec(), NO_SETTINGS)
    assert not weights.trained
    assert weights.version == f"untrained-{weights.digest[:8]}"
    assert weights == resolve(spec(), NO_SETTINGS)


def test_fresh_weights_of_another_model_are_others() -> None:
    digests = {resolve(one, NO_SETTINGS).digest for one in (spec(), spec(size=32), spec(architecture="ResNet50"))}
    assert len(digests) == 3


@pytest.mark.parametrize("name", ["best.keras", "best.weights.h5"])
def test_a_keras_file_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"numbers")
    weights = resolve(spec(path), NO_SETTINGS)
    assert (weights.kind, weights.path, weights.trained) == ("keras", path, True)
    assert (weights.digest, weights.version) == (DIGEST, DIGEST[:12])


def test_an_openvino_folder_is_known_by_both_files(tmp_path: Path) -> None:
    (tmp_path / "model.xml").write_bytes(b"graph ")
    (tmp_path / "model.bin").write_bytes(b"numbers")
    weights = resolve(spec(tmp_path), NO_SETTINGS)
    assert (weights.kind, weights.trained) == ("openvino", True)
    assert weights.digest == hashlib.sha256(b"graph numbers").hexdigest()


@pytest.mark.parametrize(
    "uri", ["imaginary", "/nowhere/best.keras", "https://example.org/best.keras", "~nobody-here/x.keras", "x" * 5000]
)
def test_what_does_not_exist(uri: str) -> None:
    with pytest.raises(ModelError, match=rf"model 'mine': weights '{uri}'.* does not exist; weights are `cifar10`"):
        resolve(spec(uri), NO_SETTINGS)


def test_what_exists_and_is_no_weights(tmp_path: Path) -> None:
    (tmp_path / "model.xml").write_text("")
    (tmp_path / "notes.txt").write_text("")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(ModelError, match="has no weights that can be read"):
            resolve(spec(path), NO_SETTINGS)


def test_a_pin_takes_these_weights_and_no_others(tmp_path: Path) -> None:
    path = trained(tmp_path)
    pinned = resolve(spec(f"{path}#sha256={DIGEST.upper()}"), NO_SETTINGS)
    assert pinned == resolve(spec(path), NO_SETTINGS)
    path.write_bytes(b"others")
    other = hashlib.sha256(b"others").hexdigest()
    with pytest.raises(ModelError, match=rf"model 'mine': weights '{path}' have the SHA-256 {other}, not {DIGEST}"):
        resolve(spec(f"{path}#sha256={DIGEST}"), NO_SETTINGS)
    with pytest.raises(ModelError, match=r"a SHA-256 has 64 hexadecimal digits, 'beef' has not"):
        resolve(spec(f"{path}#sha256=beef"), NO_SETTINGS)


def test_the_exact_spec_is_pinned_and_stays_what_it_is(tmp_path: Path) -> None:
    path = trained(tmp_path)
    found = exact(spec(path), NO_SETTINGS)
    assert found.weights == f"{path}#sha256={DIGEST}"
    assert exact(found, NO_SETTINGS) == found
    assert exact(spec(), NO_SETTINGS) == spec()


def test_weights_bring_the_input_that_they_were_trained_for(tmp_path: Path) -> None:
    larger = exact(spec(trained(tmp_path, input_size=96, detail=None)), NO_SETTINGS)
    assert (larger.input_size, larger.detail) == (96, None)
    silent = exact(spec(trained(tmp_path)), NO_SETTINGS)
    assert (silent.input_size, silent.detail) == (64, 32)


def test_notes_of_weights_that_lay_there_before_do_not_count(tmp_path: Path) -> None:
    path = trained(tmp_path, input_size=96)
    path.write_bytes(b"others")
    assert exact(spec(path), NO_SETTINGS).input_size == 64


@pytest.mark.parametrize("notes", ["no json", "[1]", '{"recipe": 7}', '{"recipe": {}}'])
def test_foreign_notes_say_nothing(tmp_path: Path, notes: str) -> None:
    path = trained(tmp_path)
    (tmp_path / "mine.json").write_text(notes)
    assert exact(spec(path), NO_SETTINGS).input_size == 64


def test_weights_for_other_classes_are_refused(tmp_path: Path) -> None:
    path = trained(tmp_path, labels=["cat", "dog"])
    with pytest.raises(ModelError, match="trained for the labels cat, dog; wanted, in this order: airplane"):
        resolve(spec(path), NO_SETTINGS)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the weights are those of TinyCNN, not of ResNet50"):
        resolve(spec(trained(tmp_path), "ResNet50"), NO_SETTINGS)


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(weights, "BUNDLED", tmp_path)
    return trained(tmp_path, "tiny", input_size=96)


def test_bundled_weights_are_found_by_architecture_and_classes(bundled: Path) -> None:
    found = resolve(spec("cifar10"), NO_SETTINGS)
    assert (found.uri, found.path, found.version) == ("cifar10", bundled, f"cifar10-{DIGEST[:8]}")
    variant = replace(spec("cifar10"), name="mine-int8")
    assert resolve(variant, NO_SETTINGS) == found
    assert exact(variant, NO_SETTINGS).input_size == 96


def test_without_bundled_weights_cifar10_is_fresh_and_says_so(bundled: Path) -> None:
    others = replace(spec("cifar10"), labels=("cat", "dog"))
    for without in (others, spec("cifar10", "ResNet50")):
        found = resolve(without, NO_SETTINGS)
        assert (found.uri, found.trained) == ("fresh", False)


def test_weights_for_imagenet_bring_classes_and_input() -> None:
    found = resolve(spec("imagenet", "MobileNetV2"), NO_SETTINGS)
    assert (found.kind, found.trained, found.version) == ("imagenet", True, f"imagenet-{found.digest[:8]}")
    assert found.digest != resolve(spec("imagenet", "ResNet50"), NO_SETTINGS).digest
    fitted = exact(spec("imagenet", "MobileNetV2"), NO_SETTINGS)
    assert (fitted.input_size, fitted.detail, fitted.labels) == (224, None, imagenet.labels())


def test_the_classes_of_imagenet_are_those_of_keras() -> None:
    keras = "c2c37ea517e94d9795004a39431a14cb"  # file_hash in keras/src/applications/imagenet_utils.py
    assert hashlib.md5(imagenet.CLASSES.read_bytes()).hexdigest() == keras
    labels = imagenet.labels()
    assert len(set(labels)) == 1000
    assert (labels[0], labels[281], labels[999]) == ("tench", "tabby", "toilet_tissue")
    assert (labels[134], labels[517]) == ("crane_n02012849", "crane_n03126707")
