"""What tests of the trainer do in a child process, so that they themselves never import TensorFlow.

`interrupted DATA FOLDER`: a training straight through, and one that SIGTERM ends after its first epoch, and resumed.
`features FOLDER`: networks that start from a torch checkpoint, beside the same computed from the checkpoint; one that
starts from a TensorFlow.js model, beside that model, and one from what Keras downloads; the error for a checkpoint with
a layer too many; and the normalisations that start as zeros from scratch.
`recorded FOLDER`: what the store has of a run whose classes have names that MLflow does not take.
`distilled DATA FOLDER`: what a batch wants of a student whose teacher, of larger pictures, always says the first class.
Each prints one JSON object as its last line.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from streamapp.errors import TrainingError
from streamapp.runtime.spec import CIFAR10
from tests.support.tfjs_files import tarball
from tests.support.torch_files import old_layout
from training import backend
from training.checkpoints import STATE, find
from training.recipe import Recipe
from training.train import Trainer

EPOCHS = 12


def recipe(data: str, size: int = 32, **fields: Any) -> Recipe:
    """A small convolutional network."""
    return Recipe("tiny", "TinyCNN", size, CIFAR10, (data,), epochs=EPOCHS, batch_size=16, **fields)


def interrupted(data: str, folder: str) -> dict[str, Any]:
    """The weights after both trainings, the error of the interrupted one, and the state of their MLflow runs."""
    place, mlflow = Path(folder), Path(folder) / "data"
    straight = Trainer(recipe(data), place / "straight", mlflow).run()
    threading.Thread(target=_end_after_first_epoch, args=(place / "broken" / STATE,), daemon=True).start()
    try:
        Trainer(recipe(data), place / "broken", mlflow).run()
        error = ""
    except TrainingError as caught:
        error = str(caught)
    left = find(place / "broken")
    killed = _statuses(mlflow)
    resumed = Trainer.resumed({"epochs": EPOCHS}, place / "broken", mlflow).run()
    return {
        "error": error,
        "epochs_left": EPOCHS - (left.epochs_done if left else 0),
        "difference": _difference(straight.weights, resumed.weights),
        "accuracies": [straight.evaluation.accuracy.value, resumed.evaluation.accuracy.value],
        "killed": killed,
        "statuses": _statuses(mlflow),
    }


def _end_after_first_epoch(state: Path) -> None:
    while not state.exists():
        time.sleep(0.005)
    os.kill(os.getpid(), signal.SIGTERM)


def _difference(one: Path, other: Path) -> float:
    """The largest difference of two networks' weights."""
    from streamapp.runtime.architectures import build

    networks = [build("TinyCNN", 32, len(CIFAR10)) for _ in range(2)]
    for network, path in zip(networks, (one, other), strict=True):
        network.load_weights(path)
    pairs = zip(*(network.get_weights() for network in networks), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def _statuses(data_dir: Path) -> list[str]:
    from mlflow import MlflowClient

    from streamapp.runtime.stores import tracking_uri
    from training.record import EXPERIMENT

    client = MlflowClient(tracking_uri(data_dir))
    experiment = client.get_experiment_by_name(EXPERIMENT)
    return sorted(run.info.status for run in client.search_runs([experiment.experiment_id]))


def features(folder: str) -> dict[str, Any]:
    """The largest difference inside of the picture, relative to the largest value; the silent layers' names."""
    backend.prepare(0)
    differences = {name: _first_layers(Path(folder), name) for name in ("MobileNetV2", "EfficientNetB0")}
    silent = {name: _silent(name) for name in ("ResNet50", *differences)}
    others = {"ResNet50": _older_resnet(Path(folder)), "imagenet": _downloaded(Path(folder))}
    return {**differences, **others, "error": _one_norm_too_many(Path(folder)), "silent": silent}


def _first_layers(folder: Path, architecture: str) -> float:
    import keras

    from streamapp.runtime.architectures import build
    from training.fromtorch import SOURCES
    from training.pretrained import flat_layers, initialise

    network = build(architecture, 64, 10)
    layers = list(flat_layers(network))
    state = _torch_twin(layers)
    (folder / "twin.pt").write_bytes(old_layout(state))
    initialise(network, architecture, str(folder / "twin.pt"))
    assert not any(values.any() for values in layers[-1].get_weights()), "the new last layer has no opinion yet"
    picture = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    source, norm = SOURCES[architecture], next(x for x in layers if isinstance(x, keras.layers.BatchNormalization))
    body = network.layers[-1]
    seen = picture / 127.5 - 1 if architecture == "MobileNetV2" else picture.astype("float32")
    answer = np.asarray(keras.Model(body.input, norm.output)(seen.astype("float32"), training=False))
    wanted = _convolved((picture / 255 - source.mean) / source.std, state["0.weight"])
    wanted = (wanted - state["1.running_mean"]) / np.sqrt(state["1.running_var"] + source.epsilon)
    wanted = wanted * state["1.weight"] + state["1.bias"]
    inside = slice(1, -1)
    return float(np.abs(answer[:, inside, inside] - wanted[:, inside, inside]).max() / np.abs(wanted).max())


def _older_resnet(folder: Path) -> float:
    """The same for the features of a ResNet50 of an older Keras: other names, another epsilon, biases."""
    import keras

    from streamapp.runtime.architectures import build
    from training import fromtfjs
    from training.pretrained import flat_layers, initialise

    older, network = (build("ResNet50", 32, 10) for _ in range(2))
    random, weights, options = np.random.default_rng(2), dict[str, Any](), dict[str, Any]()
    for layer in flat_layers(older):
        norm = isinstance(layer, keras.layers.BatchNormalization)
        if norm:
            layer.epsilon = 1e-3
            layer.set_weights([random.uniform(0.5, 1, values.shape) for values in layer.get_weights()])
        elif isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, random.normal(size=bias.shape)])
        else:
            continue
        name = fromtfjs.old_name(layer.name)
        weights[name] = {
            variable.name: values for variable, values in zip(layer.weights, layer.get_weights(), strict=True)
        }
        options[name] = {"epsilon": 1e-3} if norm else {}
    (folder / "older.tgz").write_bytes(tarball(weights, options, 4 << 20))
    initialise(network, "ResNet50", str(folder / "older.tgz"))
    picture = random.uniform(-128, 128, (2, 32, 32, 3)).astype("float32")  # as the preprocessing hands it on
    answer, wanted = (
        np.asarray(keras.Model(body.input, body.layers[-2].output)(picture, training=False))
        for body in (network.layers[-1], older.layers[-1])
    )
    return float(np.abs(answer - wanted).max() / np.abs(wanted).max())


def _downloaded(folder: Path) -> float:
    """The same for all features of EfficientNetB0, where a file lies in place of what Keras downloads."""
    import h5py
    import keras
    from keras.src.applications import efficientnet
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    from streamapp.runtime.architectures import build
    from training.pretrained import flat_layers, initialise

    random, file = np.random.default_rng(3), folder / "efficientnet_notop.h5"
    made = efficientnet.EfficientNetB0(weights=None, include_top=False, input_shape=(64, 64, 3))
    for layer in flat_layers(made):
        if isinstance(layer, keras.layers.Normalization):
            layer.set_weights([random.uniform(0.4, 0.6, 3), random.uniform(0.05, 0.06, 3), np.int64(1)])
    with h5py.File(file, "w") as content:
        save_weights_to_hdf5_group(content, made)
    efficientnet.file_utils.get_file = lambda *_, **__: str(file)
    source = efficientnet.EfficientNetB0(weights="imagenet", include_top=False, input_shape=(64, 64, 3))
    network = build("EfficientNetB0", 64, 10)
    initialise(network, "EfficientNetB0", "imagenet")
    body = network.layers[-1]
    picture = random.uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    last = body.get_layer("top_activation").output
    answer = np.asarray(keras.Model(body.input, last)(picture, training=False))
    wanted = np.asarray(source(picture, training=False))
    return float(np.abs(answer - wanted).max() / np.abs(wanted).max())


def _one_norm_too_many(folder: Path) -> str:
    from streamapp.runtime.architectures import build
    from training.pretrained import flat_layers, initialise

    network = build("MobileNetV2", 64, 10)
    state = _torch_twin(list(flat_layers(network)))
    parts = {f"neck.{part}": np.ones(1280, "<f4") for part in ("weight", "bias", "running_mean", "running_var")}
    (folder / "neck.pt").write_bytes(old_layout({**state, **parts}))
    try:
        initialise(network, "MobileNetV2", str(folder / "neck.pt"))
    except TrainingError as error:
        return str(error)
    return ""


def _silent(architecture: str) -> list[str]:
    """The normalisations whose γ is zero in a network from scratch."""
    import keras

    from training.network import create
    from training.pretrained import flat_layers

    layers = flat_layers(create(Recipe("one", architecture, 32, CIFAR10)))
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    return [norm.name for norm in norms if not np.asarray(norm.gamma).any()]


def _torch_twin(layers: list[Any]) -> dict[str, Any]:
    """A torch state dict with random numbers for these layers."""
    import keras

    random, state = np.random.default_rng(1), {}
    numbered = [x for x in layers if x.weights and not getattr(x, "use_bias", False)]
    numbered = [x for x in numbered if not isinstance(x, keras.layers.Normalization)]
    for number, layer in enumerate(numbered):
        if isinstance(layer, keras.layers.BatchNormalization):
            for part in ("weight", "bias", "running_mean", "running_var"):
                state[f"{number}.{part}"] = random.uniform(0.5, 1.5, layer.gamma.shape).astype("<f4")
        else:
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            axes = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
            shape = tuple(layer.kernel.shape[axis] for axis in axes)
            state[f"{number}.weight"] = random.normal(size=shape).astype("<f4")
    return state


def _convolved(picture: Any, kernel: Any) -> Any:
    """A 3×3 convolution of stride 2 in plain NumPy, windows beginning at even pixels, as Keras pads."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, (3, 3), axis=(1, 2))[:, ::2, ::2]
    result = np.einsum("nyxchw,ochw->nyxo", windows, kernel)
    return np.pad(result, ((0, 0), (0, 1), (0, 1), (0, 0)))


def recorded(folder: str) -> dict[str, Any]:
    """The names of the metrics, and which of two epochs the store has."""
    from mlflow import MlflowClient

    from streamapp.runtime.stores import tracking_uri
    from training.evaluation import evaluate
    from training.record import Record

    record = Record.start(Path(folder), "odd", {})
    record.epoch(1, {"loss": 1.0})
    has = [record.has_epoch(number) for number in (1, 2)]
    labels = ["jack-o'-lantern", "cat (wild)"]
    record.finish(evaluate(np.array([0, 1]), np.eye(2), labels), [])
    run = MlflowClient(tracking_uri(Path(folder))).get_run(record.run_id)
    return {"metrics": sorted(run.data.metrics), "status": run.info.status, "has": has}


def distilled(data: str, folder: str) -> dict[str, Any]:
    """One batch with a teacher, and the error for a teacher that takes other pictures."""
    backend.prepare(0)
    import keras

    from streamapp.runtime.architectures import build
    from training.batches import Batches
    from training.data import load
    from training.export import export
    from training.teacher import load_teacher
    from training.train import parts_of

    for size in (32, 48):
        teacher = build("TinyCNN", size, len(CIFAR10))
        head = teacher.layers[-1].layers[-1]
        head.set_weights([np.zeros(head.kernel.shape), np.array([50.0] + [0.0] * 9)])
        teacher.save(Path(folder) / f"{size}.keras")
        export(teacher, Path(folder) / f"{size}.weights.h5", {"recipe": recipe(data, size).portable()})
    student = recipe(data, teacher=f"{folder}/48.weights.h5", teacher_share=0.25, label_smoothing=0.0)
    images = load(parts_of(student), student.labels, 32).train
    _, wanted = Batches(images, student, 0, load_teacher(student))[0]
    try:
        load_teacher(recipe(data, teacher=f"{folder}/48.keras"))
        error = ""
    except TrainingError as caught:
        error = str(caught)
    return {"wanted": wanted.tolist(), "error": error, "backend": keras.backend.backend()}


if __name__ == "__main__":
    commands = {"interrupted": interrupted, "features": features, "recorded": recorded, "distilled": distilled}
    print(json.dumps(commands[sys.argv[1]](*sys.argv[2:])))
