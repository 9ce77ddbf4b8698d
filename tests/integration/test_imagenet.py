"""Weights for ImageNet, with a file of the right shape in the place of the download."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import agents
from streamapp.errors import ModelError
from streamapp.runtime import imagenet, load
from streamapp.runtime.prepare import prepare
from streamapp.settings import Settings
from tests.support import imagenet_child

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings for MobileNetV2 on ImageNet, on a machine that is not connected."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    return Settings(data_dir=tmp_path, models="mobilenet", weights="imagenet")


def test_what_keras_has_is_run_with_its_classes_and_its_preprocessing(settings: Settings, tmp_path: Path) -> None:
    images = np.random.default_rng(3).integers(0, 256, (4, 224, 224, 3), np.uint8)
    np.save(tmp_path / "images.npy", images)
    command = [sys.executable, "-m", imagenet_child.__name__, tmp_path / "keras", tmp_path / "images.npy"]
    subprocess.run([*command, tmp_path / "answers.npy"], cwd=ROOT, check=True, capture_output=True)
    expected = np.load(tmp_path / "answers.npy")
    assert len(set(expected.argmax(axis=1))) > 1, "the answers differ too little for this test to mean anything"

    (spec,) = agents.specs(settings.models, settings.weights).values()
    prepare(settings, [spec])
    model = load(spec, settings)
    answers = np.concatenate([model.predict(image[np.newaxis]) for image in images])
    assert (answers.argmax(axis=1) == expected.argmax(axis=1)).all()
    assert abs(answers - expected).max() < 0.02
    info = model.info
    assert (info.input_size, info.detail, info.labels) == (224, None, imagenet.labels())
    assert (info.weights, info.trained) == ("imagenet", True)


def test_without_the_file_and_the_internet_it_says_what_to_do(settings: Settings, tmp_path: Path) -> None:
    said = rf"ImageNet weights of MobileNetV2 cannot be had: .*connect this machine .*{tmp_path}/keras/models"
    with pytest.raises(ModelError, match=said) as caught:
        prepare(settings)
    assert "\n" not in str(caught.value)


def test_half_a_download_is_not_used_and_is_named(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "keras" / "models"
    folder.mkdir(parents=True)
    (folder / imagenet_child.FILE).write_bytes(b"\x89HDF\r\n\x1a\n half of it")
    with pytest.raises(ModelError, match=r"cannot be had: .*remove one that is damaged"):
        prepare(settings)
