"""What tests of the registry do in a child process, so that they themselves never import MLflow or TensorFlow.

`trained DATA FOLDER`: train TinyCNN and register it, then register other weights of it after the fact.
`odd FOLDER`: registered versions that no trainer of ours makes: without a hash, with a wrong one, with two files.
`aliases NAME`: what MLflow itself says the aliases stand for.
Settings come from the environment. Each prints one JSON object as its last line.
"""

import json
import sys
from pathlib import Path
from typing import Any

from streamapp.errors import ModelError
from streamapp.runtime import mlflow_client
from streamapp.runtime.spec import CIFAR10, ModelSpec
from streamapp.runtime.stores import tracking_uri
from streamapp.runtime.weightfiles import sha256
from streamapp.settings import Settings

SPEC = ModelSpec("tiny", "TinyCNN", input_size=32)


def trained(data: str, folder: str) -> dict[str, Any]:
    """Two versions, by the trainer and after the fact, and what is said to weights of another model."""
    from training.recipe import Recipe
    from training.registration import register
    from training.registry import Registry
    from training.train import Trainer

    settings = Settings.load()
    results = []
    for seed in (1, 2):
        recipe = Recipe("tiny", "TinyCNN", 32, CIFAR10, (data,), epochs=2, batch_size=16, seed=seed)
        results.append(Trainer(recipe, Path(folder) / str(seed), settings.data_dir).run())
    first = Registry.open(settings.data_dir).add("tiny", results[0].run_id, results[0].weights)
    second = register(SPEC, results[1].weights, settings)
    try:
        register(ModelSpec("tiny", "ResNet50", input_size=32), results[1].weights, settings)
        refused = ""
    except ModelError as error:
        refused = str(error)
    return {
        "digests": [first.digest, second.digest],
        "numbers": [first.number, second.number],
        "accuracies": [result.evaluation.accuracy.value for result in results],
        "refused": refused,
    }


def odd(folder: str) -> dict[str, Any]:
    """The hashes of the files in each version of the model `odd`."""
    store = tracking_uri(Settings.load().data_dir)
    client = mlflow_client.connect(store)
    client.create_registered_model("odd")
    contents = [{"a.weights.h5": b"unsigned"}, {"a.weights.h5": b"forged"}, {"a.weights.h5": b"one", "b.keras": b"two"}]
    digests = []
    for number, files in enumerate(contents, 1):
        place = Path(folder) / str(number)
        place.mkdir(parents=True)
        for name, content in files.items():
            (place / name).write_bytes(content)
        digests.append(sha256(*place.iterdir()))
        tags = {"sha256": "0" * 64} if number == 2 else {}
        client.create_model_version("odd", place.as_uri(), tags=tags)
    return {"digests": digests}


def aliases(name: str) -> dict[str, Any]:
    """The number for each."""
    client = mlflow_client.connect(tracking_uri(Settings.load().data_dir))
    return {alias: int(number) for alias, number in client.get_registered_model(name).aliases.items()}


if __name__ == "__main__":
    commands = {"trained": trained, "odd": odd, "aliases": aliases}
    print(json.dumps(commands[sys.argv[1]](*sys.argv[2:])))
