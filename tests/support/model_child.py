"""What tests of the models do in a child process, so that they themselves never import TensorFlow.

`calibrate FOLDER IMAGES ARCHITECTURE…`: files of weights that are not trained, and yet tell images apart.
`train FILE IMAGES LABELS`: a TinyCNN, trained for some seconds.
`predict SETTINGS SPECS IMAGES ANSWERS`: the answers of the runtime that the settings name.
`refuse SETTINGS SPECS`: one line for each model: why its weights are refused.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from streamapp.errors import ModelError
from streamapp.runtime import load
from streamapp.runtime.imports import quiet
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import resolve
from streamapp.settings import Settings

SIZE = 64


def calibrate(folder: str, images: str, *architectures: str) -> None:
    """Normalise every layer by these images, and make the last layer decide: fresh weights alone answer 1/N for all."""
    quiet()
    import keras

    from streamapp.runtime.architectures import build

    batch = np.load(images)
    for architecture in architectures:
        keras.utils.set_random_seed(1)
        network = build(architecture, SIZE, 10)
        layers = list(network._flatten_layers())
        for layer in layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = 0.0
        network(batch, training=True)
        _decide(network, [layer for layer in layers if isinstance(layer, keras.layers.Dense)][-1], batch)
        network.save_weights(Path(folder) / f"{architecture}.weights.h5")


def _decide(network: Any, head: Any, batch: np.ndarray) -> None:
    """Centre and stretch the last layer's outputs over the images, so that each class wins somewhere."""
    logits = np.log(np.asarray(network(batch, training=False)).astype(np.float64) + 1e-30)
    logits -= logits.mean(axis=1, keepdims=True)
    kernel, bias = head.get_weights()
    scale = 1 / logits.std(axis=0)
    head.set_weights([kernel * scale, bias - logits.mean(axis=0) * scale])


def train(file: str, images: str, labels: str) -> None:
    quiet()
    import keras

    from streamapp.runtime.architectures import build

    keras.utils.set_random_seed(1)
    network = build("TinyCNN", SIZE, 10)
    network.compile("adam", "sparse_categorical_crossentropy")
    network.optimizer.learning_rate = 3e-3
    network.fit(np.load(images), np.load(labels), batch_size=32, epochs=4, verbose=0)
    network.save_weights(file)


def predict(settings: str, specs: str, images: str, answers: str) -> None:
    chosen, batch = Settings(**json.loads(settings)), np.load(images)
    found = {}
    for spec in _specs(specs):
        model = load(spec, chosen)
        found[spec.name] = np.concatenate([model.predict(part) for part in np.split(batch, range(64, len(batch), 64))])
    np.savez(answers, **found)


def refuse(settings: str, specs: str) -> None:
    quiet()
    from streamapp.runtime.export import export

    for spec in _specs(specs):
        try:
            export(spec, resolve(spec, Settings(**json.loads(settings))), Path("/nowhere"))
        except ModelError as error:
            print(f"{spec.name}: {error}")


def _specs(text: str) -> list[ModelSpec]:
    return [ModelSpec(**{**fields, "labels": tuple(fields["labels"])}) for fields in json.loads(text)]


if __name__ == "__main__":
    command = {"calibrate": calibrate, "train": train, "predict": predict, "refuse": refuse}[sys.argv[1]]
    command(*sys.argv[2:])
