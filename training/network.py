"""The network that is trained: the one that is converted later, with its preprocessing inside, ready for `fit`."""

from pathlib import Path
from typing import Any

import keras

from streamapp.runtime.architectures import build
from training.pretrained import flat_layers, initialise
from training.recipe import Recipe

#: Keras' own (0.99 and 0.999) lags behind in trainings of few thousand steps.
BATCH_NORM_MOMENTUM = 0.9
#: Keras' names of the precisions.
POLICIES = {"f32": "float32", "bf16": "mixed_bfloat16"}
#: Never decayed: biases and the two vectors of a normalisation, as He et al., 2019 (arXiv:1812.01187).
NO_DECAY = ["bias", "gamma", "beta"]


def create(recipe: Recipe) -> Any:
    """The compiled network of a recipe, with the weights it starts from.

    Raises:
        ModelError: there is no such architecture.
        TrainingError: the weights that it shall start from cannot be used.
    """
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy(POLICIES[recipe.precision])
    network = build(recipe.architecture, recipe.input_size, len(recipe.labels))
    keras.config.set_dtype_policy("float32")
    initialise(network, recipe.architecture, recipe.init)
    layers = list(flat_layers(network))
    layers[-1].dtype_policy = "float32"  # probabilities of eight bits would be too coarse for the loss
    if keras.backend.backend() == "torch":
        from training.torchfast import drop_moot_biases

        drop_moot_biases(layers)
    for layer in layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = BATCH_NORM_MOMENTUM
    for layer in layers[: round(recipe.freeze * len(layers))]:
        layer.trainable = False
    optimizer = keras.optimizers.AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=NO_DECAY)
    # XLA needs minutes for its first step on a CPU, and each one after is several times slower than without.
    network.compile(optimizer, keras.losses.CategoricalCrossentropy(), metrics=["accuracy"], jit_compile=False)
    optimizer.build(network.trainable_variables)
    return network


def reloaded(recipe: Recipe, weights: Path) -> Any:
    """The network with the weights of an exported file, as the platform will have it."""
    network = build(recipe.architecture, recipe.input_size, len(recipe.labels))
    network.load_weights(weights)
    return network
