"""The trainer for real, in child processes: on coloured shapes, with small networks and few pictures."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamapp.runtime.weightfiles import sha256
from tests.support import training_child
from tests.support.shapes import write_shapes

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("shapes"), train=24, test=8)


def run(tmp_path: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STREAMAPP_", "MLFLOW_"))}
    environ = {**kept, "STREAMAPP_DATA_DIR": str(tmp_path / "data"), "KERAS_HOME": str(tmp_path / "keras"), **environ}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def child(tmp_path: Path, command: str, *arguments: str) -> dict[str, Any]:
    done = run(tmp_path, training_child.__name__, command, *arguments)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_one_epoch_of_mobilenet_end_to_end_with_its_mlflow_record(tmp_path: Path, shapes: Path) -> None:
    options = "--epochs 1 --limit 200 --input-size 32 --batch-size 16 --seed 5"
    done = run(tmp_path, "streamapp", "train", "mobilenet", *options.split(), "--data", str(shapes), "--register")
    assert done.returncode == 0, done.stderr
    assert "registered: models:/mobilenet/1; `streamapp models promote mobilenet 1` serves it" in done.stdout
    assert "epoch 1/1" in done.stderr
    assert "95 % interval" in done.stdout

    folder = tmp_path / "data" / "training" / "mobilenet"
    notes = json.loads((folder / "mobilenet.json").read_text())
    assert notes["recipe"]["seed"] == 5
    assert notes["test"]["pictures"] == 80
    assert notes["sha256"] == sha256(folder / "mobilenet.weights.h5")
    assert len(notes["history"]) == 1
    assert notes["history"][0]["loss"] > 0

    recorded = _recorded(tmp_path / "data")
    assert recorded["status"] == "FINISHED"
    assert recorded["params"]["data_fingerprint"] == notes["data_fingerprint"]
    assert (recorded["params"]["seed"], recorded["params"]["epochs"]) == ("5", "1")
    assert recorded["metrics"]["test_accuracy"] == pytest.approx(notes["test"]["accuracy"])
    assert {"loss", "val_accuracy", "test_accuracy_cat", "test_accuracy_low"} <= recorded["metrics"].keys()
    artefacts = {str(path.relative_to(recorded["place"])) for path in recorded["place"].rglob("*") if path.is_file()}
    assert artefacts == {"confusion.png", "evaluation.json", "model/mobilenet.weights.h5", "model/mobilenet.json"}
    assert (recorded["place"] / "confusion.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "mobilenet.weights.h5").stat().st_size < 6_000_000  # half of 2.3 million in single precision
    assert recorded["versions"] == {("mobilenet", 1, f"{recorded['place'].as_uri()}/model")}
    assert recorded["tags"].keys() == {"sha256", "recipe", "test", "data_fingerprint", "command"}
    assert recorded["tags"]["sha256"] == notes["sha256"]
    assert json.loads(recorded["tags"]["test"])["interval_95"] == notes["test"]["interval_95"]
    assert json.loads(recorded["tags"]["recipe"]) == notes["recipe"]


def _recorded(data_dir: Path) -> dict[str, Any]:
    """The only run of the store, read without MLflow."""
    with sqlite3.connect(data_dir / "mlflow.db") as store:
        ((status, uri),) = store.execute("SELECT status, artifact_uri FROM runs")
        params = dict(store.execute("SELECT key, value FROM params"))
        metrics = dict(store.execute("SELECT key, value FROM metrics"))
        versions = set(store.execute("SELECT name, version, source FROM model_versions"))
        tags = dict(store.execute('SELECT "key", value FROM model_version_tags'))
    store.close()
    place = Path(re.sub("^file://", "", uri))
    assert place.is_relative_to((data_dir / "mlruns").resolve())
    run = {"status": status, "params": params, "metrics": metrics, "place": place}
    return {**run, "versions": versions, "tags": tags}


def test_an_interrupted_training_goes_on_as_if_nothing_had_happened(tmp_path: Path, shapes: Path) -> None:
    answer = child(tmp_path, "interrupted", str(shapes), str(tmp_path))
    assert re.search(r"interrupted after epoch \d+ of 12; go on with: streamapp train tiny --resume", answer["error"])
    assert answer["epochs_left"] > 0
    assert answer["difference"] < 1e-6
    assert answer["accuracies"][0] == pytest.approx(answer["accuracies"][1], abs=0.03)
    assert answer["accuracies"][0] > 0.5  # ten classes of coloured shapes: it has learned
    assert answer["killed"] == ["FINISHED", "KILLED"]
    assert answer["statuses"] == ["FINISHED", "FINISHED"]

    weights = str(tmp_path / "straight" / "tiny.weights.h5")  # says itself which model it is for
    done = run(tmp_path, "streamapp", "evaluate", "--weights", weights, "--data", str(shapes))
    assert done.returncode == 0, done.stderr
    assert f"tiny: {answer['accuracies'][0]:.2%} (" in done.stdout
    assert all(label in done.stdout for label in training_child.CIFAR10)


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("features")
    return child(folder, "features", str(folder))


def test_torch_features_give_the_answers_that_torch_would_give(features: dict[str, Any]) -> None:
    assert features["MobileNetV2"] < 1e-4
    assert features["EfficientNetB0"] < 1e-4


def test_features_of_an_older_resnet_give_its_answers(features: dict[str, Any]) -> None:
    assert features["ResNet50"] < 1e-4


def test_what_keras_downloads_gives_its_answers(features: dict[str, Any]) -> None:
    assert features["imagenet"] < 1e-4


def test_a_checkpoint_with_a_layer_too_many_is_refused(features: dict[str, Any]) -> None:
    assert "neck.pt does not hold the BatchNorms of MobileNetV2" in features["error"]


def test_classes_may_have_names_that_mlflow_does_not_take(tmp_path: Path) -> None:
    answer = child(tmp_path, "recorded", str(tmp_path))
    assert {"test_accuracy_jack-o_-lantern", "test_accuracy_cat _wild_"} <= set(answer["metrics"])
    assert (answer["status"], answer["has"]) == ("FINISHED", [True, False])


def test_a_backend_that_is_not_installed_is_one_line(tmp_path: Path, shapes: Path) -> None:
    done = run(tmp_path, *["streamapp", "train", "mobilenet", "--quick", "--data"], str(shapes), KERAS_BACKEND="jax")
    assert done.returncode == 1
    assert "KERAS_BACKEND=jax: that backend is not installed" in done.stderr.splitlines()[-1]


def test_from_scratch_each_residual_block_passes_on_what_it_gets(features: dict[str, Any]) -> None:
    silent = features["silent"]
    blocks = {2: 3, 3: 4, 4: 6, 5: 3}
    assert silent["ResNet50"] == [f"conv{s}_block{b}_3_bn" for s, count in blocks.items() for b in range(1, count + 1)]
    assert silent["MobileNetV2"] == [f"block_{block}_project_BN" for block in (2, 4, 5, 7, 8, 9, 11, 12, 14, 15)]
    assert silent["EfficientNetB0"] == []  # its blocks drop something behind their normalisation


def test_a_teacher_shares_in_what_is_wanted(tmp_path: Path, shapes: Path) -> None:
    answer = child(tmp_path, "distilled", str(shapes), str(tmp_path))
    wanted = np.array(answer["wanted"])
    assert wanted.shape == (16, 10)
    assert wanted.sum(axis=1) == pytest.approx(1)
    assert set(wanted.max(axis=1).round(3)) <= {0.75, 1.0}
    assert wanted[:, 0].min() == pytest.approx(0.25)
    assert "wanted: 32×32 RGB" in answer["error"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "mobilenet", "--data", "/nowhere"], "--data /nowhere is neither a folder nor a zip file"),
        (["train", "mobilenet", "--resume"], "there is no training to --resume in"),
        (["train", "mobilenet", "--quick", "--data", "SHAPES", "--init", "/no.pt"], "--init /no.pt is no file"),
        (["train", "mobilenet", "--quick", "--data", "SHAPES", "--init", "TGZ"], "can start ResNet50, not Mobi"),
        (["train", "mobilenet", "--quick", "--data", "SHAPES", "--init", "magic"], "--init magic: neither imagenet"),
        (["train", "mobilenet", "--quick", "--data", "SHAPES", "--teacher", "/no.keras"], "--teacher /no.keras is no"),
        (["evaluate", "mobilenet", "--data", "/nowhere"], "--data /nowhere is neither a folder nor a zip file"),
        (["evaluate", "--weights", "/no.weights.h5", "--data", "SHAPES"], "--weights /no.weights.h5 does not exist"),
        (["train", "mobilenet", "--quick", "--data", "SHAPES", "--output", "/dev/null/x"], "choose another --output"),
        (["evaluate", "--weights", "/no.h5", "--data", "SHAPES"], "do not say which model they are for"),
        (["evaluate", "mobilenet", "--weights", "/no.h5", "--data", "SHAPES"], "weights '/no.h5': that path does not"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path: Path, shapes: Path, arguments: list[str], said: str) -> None:
    places = {"SHAPES": shapes, "TGZ": tmp_path / "net.tgz"}
    places["TGZ"].write_bytes(b"")
    done = run(tmp_path, "streamapp", *[str(places.get(word, word)) for word in arguments])
    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "convert" not in done.stderr, "it is said before anything that takes long"
