"""The faster layers on torch answer and learn as Keras' own do; skipped without torch, which is no dependency."""

import importlib.util
import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed; it is needed for training on it only"
)


def test_the_faster_layers_learn_as_keras_own() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.support.torchfast_child"],
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["moved"] > 0.001, "three steps changed nothing, so nothing was compared"
    # The one in front of a BatchNorm; Keras' own moves it by rounding errors alone.
    assert result["untouched_biases"] == 1
    # torch divides a batch's variance by n - 1, Keras by n.
    assert result["differences"].pop("moving_variance") < 1e-2
    assert result["differences"].keys() == {"answers", "kernel", "bias", "gamma", "beta", "moving_mean", "adamw"}
    assert {name: value for name, value in result["differences"].items() if value > 1e-4} == {}
