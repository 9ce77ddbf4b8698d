"""Models of TensorFlow.js are read from the tarballs of npm packages, and nothing else is."""

from pathlib import Path

import numpy as np
import pytest

from streamapp.errors import TrainingError
from tests.support.tfjs_files import packed, tarball
from training.tfjsfile import layers_model

WEIGHTS = {
    "res2a": {"kernel": np.arange(600, dtype="<f4").reshape(2, 3, 10, 10), "bias": np.arange(10, dtype="<f4")},
    "bn2a": {"gamma": np.linspace(0, 1, 10, dtype="<f4")},
}


def test_tensors_come_by_layer_with_the_options_of_the_layers(tmp_path: Path) -> None:
    path = tmp_path / "net.tgz"
    path.write_bytes(tarball(WEIGHTS, {"bn2a": {"epsilon": 0.001}}))
    model = layers_model(path)
    assert model.options["bn2a"]["epsilon"] == 0.001
    assert {layer: list(parts) for layer, parts in model.weights.items()} == {
        layer: list(parts) for layer, parts in WEIGHTS.items()
    }
    for layer, parts in WEIGHTS.items():
        for part, values in parts.items():
            assert np.array_equal(model.weights[layer][part], values)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not a tarball", "is not a tarball with one TensorFlow.js layers model"),
        (tarball(WEIGHTS)[:300], "net.tgz"),
        (packed({"readme": b""}), "it holds 0 files named model.json, not one"),
        (packed({"model.json": b"{", "group1": b""}), "is not a tarball with one"),
        (packed({"model.json": b"{}"}), "weightsManifest"),
        (tarball(WEIGHTS, quantization={"dtype": "uint8"}), "res2a/kernel is not in single precision"),
        (tarball(WEIGHTS, dtype="int32"), "res2a/kernel is not in single precision"),
        (tarball(WEIGHTS, shape=[700]), "is not a tarball with one"),
    ],
    ids=["text", "cut off", "empty", "no json", "no weights", "quantised", "integers", "too short"],
)
def test_what_is_none_is_refused_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "net.tgz"
    path.write_bytes(content)
    with pytest.raises(TrainingError) as refused:
        layers_model(path)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"net\.tgz cannot be read: No such file"):
        layers_model(tmp_path / "net.tgz")
