"""Models for real: converted by TensorFlow in a child process, run by OpenVINO and by Keras.

What is converted stays in `.streamapp-test/models` (or STREAMAPP_TEST_MODEL_CACHE) for the next run.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamapp.errors import ModelError
from streamapp.inference import InferenceThread
from streamapp.runtime import cache, load
from streamapp.runtime.lane import NoLane
from streamapp.runtime.openvino import OpenVinoModel
from streamapp.runtime.prepare import prepare
from streamapp.runtime.spec import Model, ModelSpec
from streamapp.settings import Settings
from tests.support import model_child
from tests.support.models import TEST, TRAIN, Images, Labels, as_json, cifar10, keras_answers, run_child
from tests.support.stack import ROOT, share_models

SIZE = 64
CHECKED = 200
TINY = ModelSpec("tiny", "TinyCNN", weights="fresh")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings whose folder of converted models outlives the run."""
    data_dir = tmp_path_factory.mktemp("data")
    share_models(data_dir)
    return Settings(data_dir=data_dir)


@dataclass(frozen=True)
class Pictures:
    """Real pictures with the numbers of their classes."""

    images: Images
    labels: Labels

    def __getitem__(self, part: slice) -> "Pictures":
        return Pictures(self.images[part], self.labels[part])

    def save(self, folder: Path) -> tuple[str, str]:
        np.save(folder / "images.npy", self.images)
        np.save(folder / "labels.npy", self.labels)
        return str(folder / "images.npy"), str(folder / "labels.npy")


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    """Pictures of all classes, mixed: CHECKED of them to compare answers on, the rest to make weights with."""
    return Pictures(*cifar10(TEST, CHECKED + 1100, SIZE))


@pytest.fixture(scope="module")
def noise() -> Images:
    return np.random.default_rng(5).integers(0, 256, (8, SIZE, SIZE, 3), np.uint8)


@pytest.fixture(scope="module")
def tiny(settings: Settings) -> ModelSpec:
    """The small real CNN with fresh weights, converted."""
    prepare(settings, [TINY])
    return TINY


@pytest.fixture(scope="module")
def trained(settings: Settings, pictures: Pictures, tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    """The small CNN, trained until it tells images apart, and converted; `test_parity.py` has the large ones."""
    recipe = hashlib.sha256(Path(model_child.__file__).read_bytes() + version("keras").encode()).hexdigest()[:12]
    file = cache.root(settings) / f"weights-{recipe}" / "TinyCNN.weights.h5"
    file.parent.mkdir(exist_ok=True)
    if not file.exists():
        images, labels = pictures[CHECKED:].save(tmp_path_factory.mktemp("train"))
        run_child("train", str(file), images, labels)
    spec = ModelSpec("trained", "TinyCNN", weights=str(file))
    prepare(settings, [spec])
    return spec


@pytest.fixture(scope="module")
def reference(trained: ModelSpec, settings: Settings, pictures: Pictures) -> np.ndarray:
    """What Keras answers for the pictures."""
    return keras_answers([trained], settings, pictures[:CHECKED].images)["trained"]


def compared(name: str, answers: np.ndarray, expected: np.ndarray) -> tuple[float, float]:
    """Top-1 agreement, and the largest difference of a probability."""
    agreement = float((answers.argmax(axis=1) == expected.argmax(axis=1)).mean())
    largest = float(abs(answers - expected).max())
    print(f"{name}: {len(answers)} images, top-1 agreement {agreement:.4f}, largest difference {largest:.5f}")
    assert len(set(expected.argmax(axis=1))) >= 4, "the answers differ too little for this test to mean anything"
    return agreement, largest


@pytest.mark.data
def test_the_runtime_answers_as_keras_does(
    trained: ModelSpec, reference: np.ndarray, settings: Settings, pictures: Pictures
) -> None:
    model, images = load(trained, settings), pictures[:CHECKED].images
    answers = np.concatenate([model.predict(image[np.newaxis]) for image in images])
    agreement, largest = compared("f32", answers, reference)
    assert agreement >= 0.995
    assert largest <= 0.01
    assert model.predict(images[:32]) == pytest.approx(answers[:32], abs=1e-4)
    assert model.info.trained
    assert model.info.model_version == hashlib.sha256(Path(trained.weights).read_bytes()).hexdigest()[:12]


@pytest.mark.data
def test_bf16_is_used_where_the_cpu_has_it_and_said(
    trained: ModelSpec, reference: np.ndarray, settings: Settings, pictures: Pictures
) -> None:
    from openvino import Core

    model = load(replace(trained, precision="bf16"), settings)
    capable = "BF16" in Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert model.info.precision == ("bf16" if capable else "f32")
    answers = model.predict(pictures[:CHECKED].images)
    assert answers.sum(axis=1) == pytest.approx(np.ones(CHECKED), abs=1e-5)
    agreement, largest = compared("bf16", answers, reference)
    assert agreement >= 0.97
    assert largest <= 0.1
    assert not capable or largest > 1e-4, "this is single precision under another name"


@pytest.mark.data
def test_int8_is_calibrated_used_and_said(
    trained: ModelSpec, settings: Settings, pictures: Pictures, tmp_path: Path
) -> None:
    spec, said = trained.at("int8"), list[str]()
    own = settings.model_copy(update={"data_dir": tmp_path})  # so that it is made anew each time
    prepare(own.model_copy(update={"data": str(TRAIN)}), [spec], said.append)
    assert any("calibrated with 300 pictures of cifar10-train.zip" in line for line in said)
    model, exact = load(spec, own), load(trained, settings)
    assert (model.info.model, model.info.precision, model.info.sha256) == ("trained-int8", "int8", exact.info.sha256)
    assert (model.info.parameters, model.info.flops) == (exact.info.parameters, exact.info.flops)
    answers, expected = (each.predict(pictures.images) for each in (model, exact))
    assert (answers.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.97
    assert abs(answers - expected).max() > 1e-4, "this is single precision under another name"
    kinds = [op.get_rt_info()["runtimePrecision"] for op in convolutions(model)]
    assert len(kinds) == 3
    assert set(kinds) <= {"i8", "u8"}


def convolutions(model: Model) -> list[Any]:
    """The convolutions of a model of OpenVINO, as they are run."""
    assert isinstance(model, OpenVinoModel)
    operations = model._idle[1].get_compiled_model().get_runtime_model().get_ops()
    return [op for op in operations if op.get_rt_info()["layerType"] == "Convolution"]


def test_without_pictures_there_is_no_int8_and_it_is_said_why(
    tiny: ModelSpec, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "pictures").mkdir()
    chosen = settings.model_copy(update={"data_dir": tmp_path, "data": str(tmp_path / "pictures")})
    with pytest.raises(ModelError, match=r"'tiny-int8': int8 needs pictures .* STREAMAPP_DATA .* holds 0 pictures"):
        prepare(chosen, [tiny.at("int8")])
    assert cache.find(tiny, chosen)
    assert cache.find(tiny.at("int8"), chosen) is None


def test_fresh_weights_are_the_same_in_both_runtimes(tiny: ModelSpec, settings: Settings, noise: Images) -> None:
    model = load(tiny, settings)
    answers = model.predict(noise)
    assert (answers.shape, answers.dtype) == ((8, 10), np.float32)
    assert answers.sum(axis=1) == pytest.approx(np.ones(8), abs=1e-5)
    assert np.ptp(answers, axis=1).min() > 0.01
    expected = keras_answers([tiny], settings, noise)["tiny"]
    assert answers == pytest.approx(expected, abs=1e-3)
    assert not model.info.trained
    assert model.info.model_version.startswith("untrained-")


class Hanging:
    """A request whose call does not end before it is told to."""

    def __init__(self, request: Any) -> None:
        self.over, self._request = threading.Event(), request

    def infer(self, *arguments: Any, **options: Any) -> None:
        self.over.wait(60)
        self._request.infer(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)


async def test_after_a_call_that_hangs_in_the_runtime_the_model_goes_on(
    tiny: ModelSpec, settings: Settings, noise: Images
) -> None:
    model = load(tiny, settings)
    assert isinstance(model, OpenVinoModel)
    expected = model.predict(noise[:1])[0]
    hanging = model._idle[1] = Hanging(model._idle[1])
    thread = InferenceThread("tiny", model, NoLane(), timeout_s=3)
    with pytest.raises(ModelError, match="did not answer within"):
        await thread.infer(noise[1], model.info)
    for _ in range(2):
        answer = await thread.infer(noise[0], model.info)
        assert answer.probabilities == pytest.approx(expected, abs=1e-6)
    hanging.over.set()
    thread.close()


def test_parameters_and_flops_of_a_model_that_can_be_counted_by_hand(tiny: ModelSpec, settings: Settings) -> None:
    convolutions = [(31, 3, 16, 3), (15, 16, 32, 3), (15, 32, 64, 3)]  # side of the output, channels in, out, kernel
    multiply_adds = sum(side**2 * inner * outer * kernel**2 for side, inner, outer, kernel in convolutions) + 64 * 10
    parameters = sum(inner * outer * kernel**2 + outer for _, inner, outer, kernel in convolutions) + 64 * 10 + 10
    info = load(tiny, settings).info
    assert info.flops == 2 * multiply_adds
    assert info.parameters == parameters


def test_a_converted_model_can_be_given_as_a_folder(tiny: ModelSpec, settings: Settings, noise: Images) -> None:
    entry = cache.require(tiny, settings)
    given = replace(tiny, name="given", weights=str(entry.folder))
    prepare(settings, [given])
    model = load(given, settings)
    assert model.predict(noise) == pytest.approx(load(tiny, settings).predict(noise), abs=1e-4)
    assert model.info.trained
    assert model.info.parameters == pytest.approx(entry.meta.parameters, rel=0.01)  # its fresh biases are zero: gone
    assert model.info.flops == entry.meta.flops
    with pytest.raises(ModelError, match="only the runtime openvino runs"):
        load(replace(given, runtime="keras"), settings)


def test_a_keras_file_brings_its_own_network(tiny: ModelSpec, settings: Settings, noise: Images) -> None:
    file = cache.require(tiny, settings).keras
    given = replace(tiny, name="given", architecture="Whatever", weights=str(file))
    prepare(settings, [given])
    assert load(given, settings).predict(noise) == pytest.approx(load(tiny, settings).predict(noise), abs=1e-4)


def test_a_batch_of_another_size_is_refused(tiny: ModelSpec, settings: Settings) -> None:
    with pytest.raises(ModelError, match="takes uint8"):
        load(tiny, settings).predict(np.zeros((1, 32, 32, 3), np.uint8))


def test_weights_of_another_model_are_refused_in_words(tiny: ModelSpec, settings: Settings, tmp_path: Path) -> None:
    entry = cache.require(tiny, settings)
    (tmp_path / "broken.keras").write_bytes(b"not a zip")
    ir = replace(tiny, weights=str(entry.folder))
    keras = replace(tiny, weights=str(entry.keras))
    specs = [
        replace(ir, name="ir-labels", labels=("cat", "dog")),
        replace(keras, name="keras-labels", labels=("cat", "dog")),
        replace(keras, name="keras-size", input_size=32),
        replace(keras, name="keras-broken", weights=str(tmp_path / "broken.keras")),
        replace(tiny, name="unknown", architecture="ResNet51"),
        replace(tiny, name="module", architecture="resnet"),
        replace(tiny, name="small", architecture="ResNet50", input_size=16),
    ]
    expected = {
        "ir-labels": "its output is (None, 10) and there are 2 labels",
        "keras-labels": "its output is (None, 10) and there are 2 labels",
        "keras-size": "its input is (None, 64, 64, 3)",
        "keras-broken": "broken.keras cannot be loaded",
        "unknown": "architecture 'ResNet51': neither TinyCNN nor a class of keras.applications",
        "module": "architecture 'resnet': neither TinyCNN nor a class of keras.applications",
        "small": "ResNet50 cannot be built for 16×16 pixels",
    }
    lines = run_child("refuse", json.dumps({"data_dir": str(settings.data_dir)}), as_json(specs)).splitlines()
    told = dict(line.split(": ", 1) for line in lines)
    assert {name for name, text in expected.items() if text not in told.get(name, "")} == set(), told


def test_processes_that_start_together_convert_once(tmp_path: Path) -> None:
    environ = {**os.environ, "STREAMAPP_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    code = (
        "from streamapp.runtime.prepare import prepare; from streamapp.settings import Settings\n"
        "from tests.integration.test_models import TINY\nprepare(Settings.load(), [TINY])"
    )
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ) for _ in range(2)]
    printed = "".join(process.communicate()[1] for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert printed.count("converted in") == 1
    assert printed.count("waiting for another process") == 1
    assert cache.find(TINY, Settings(data_dir=tmp_path))


def test_a_worker_that_loads_a_model_stays_small(tiny: ModelSpec, settings: Settings) -> None:
    code = (
        "import json, sys, psutil; from streamapp.runtime import load; from streamapp.runtime.spec import ModelSpec\n"
        "from streamapp.settings import Settings\n"
        "spec = ModelSpec('tiny', 'TinyCNN', weights='fresh')\n"
        "model = load(spec, Settings(data_dir=sys.argv[1]))\n"
        "print(json.dumps([sorted(sys.modules), psutil.Process().memory_info().rss]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(settings.data_dir)], capture_output=True, text=True, check=True
    )
    modules, rss = json.loads(done.stdout)
    assert not {"tensorflow", "keras", "faust", "openvino_telemetry.main"} & set(modules)
    assert rss < 200e6
