"""What `models list` and `models show` say before anything is loaded."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import agents
from streamapp.models import overview
from streamapp.runtime import cache, weights
from streamapp.runtime.spec import CIFAR10, Accuracy, ModelSpec
from streamapp.runtime.weightfiles import sha256
from streamapp.settings import Settings

SPEC = ModelSpec("tiny", "TinyCNN")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with bundled weights for TinyCNN alone."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    bundled = tmp_path / "weights"
    bundled.mkdir()
    monkeypatch.setattr(weights, "BUNDLED", bundled)
    path = bundled / "tiny.weights.h5"
    path.write_bytes(b"numbers")
    recipe = {"architecture": "TinyCNN", "labels": list(CIFAR10), "input_size": 96, "epochs": 7, "seed": 3}
    test = {"accuracy": 0.91, "interval_95": [0.9, 0.92], "pictures": 4000}
    (bundled / "tiny.json").write_text(json.dumps({"recipe": recipe, "test": test, "sha256": sha256(path)}))
    return Settings(data_dir=tmp_path / "data")


def test_a_row_says_what_would_be_run(settings: Settings) -> None:
    row = overview.look(SPEC, settings).row(settings)
    digest = resolve_digest(settings)
    assert row == {
        "version": f"cifar10-{digest[:8]}",
        "weights": "cifar10",
        "runtime": "openvino",
        "precision": "f32",
        "trained": "yes",
        "accuracy": "91.00%",
        "converted": "no",
    }
    faster = settings.model_copy(update={"precision": "bf16"})
    assert overview.look(SPEC, faster).row(faster)["precision"] == "bf16"
    assert overview.look(replace(SPEC, runtime="keras"), settings).row(settings)["runtime"] == "keras"


def resolve_digest(settings: Settings) -> str:
    return weights.resolve(SPEC, settings).digest


def test_untrained_weights_have_no_accuracy(settings: Settings) -> None:
    row = overview.look(replace(SPEC, weights="fresh"), settings).row(settings)
    assert (row["trained"], row["accuracy"]) == ("no", "")


def test_a_converted_model_says_its_size(settings: Settings) -> None:
    spec = weights.exact(SPEC, settings)
    with cache.exclusive(settings, pytest.fail):
        cache.store(spec, settings, lambda folder: ((folder / cache.IR).write_text("graph!"), 2e9))
    details = overview.look(SPEC, settings).details(settings)
    assert details["converted"] == "yes"
    assert (details["size"], details["work"]) == ("0.00 M parameters", "2.000 GFLOPs for an image")


def test_the_details_are_those_of_the_weights(settings: Settings) -> None:
    details = overview.look(SPEC, settings).details(settings)
    assert details["input"] == "96×96 RGB"
    assert details["detail"] == "pictures are reduced to 32 px first"
    assert details["accuracy"] == "91.00% (90.00% to 92.00%)"
    assert details["training"] == "epochs 7, seed 3"
    assert details["sha256"] == resolve_digest(settings)
    assert "size" not in details


def test_weights_that_cannot_be_found_leave_the_other_rows(settings: Settings) -> None:
    specs = agents.specs("", f"mobilenet=models:/mobilenet@champion,resnet50={settings.data_dir}/no.keras")
    rows, errors = overview.rows(specs, settings)
    assert [row["version"][:9] for row in rows] == ["untrained", "?", "?"]
    assert [row["weights"] for row in rows][1] == "models:/mobilenet@champion"
    assert ["there is no registry" in str(errors[0]), "does not exist" in str(errors[1])] == [True, True]


def test_many_classes_are_counted() -> None:
    assert overview.listed(("cat", "dog")) == "cat, dog"
    assert overview.listed(tuple(f"c{number}" for number in range(30)), 2) == "30: c0, c1, …"
    assert overview.percent(Accuracy(0.5, 0.4, 0.6, 10)) == "50.00% (40.00% to 60.00%)"
    assert overview.percent(None) == ""
