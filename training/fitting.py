"""One epoch of Keras' `fit`, on either backend."""

import time
from typing import Any

import keras

from training.batches import Batches, smoothed, steps
from training.checkpoints import Row
from training.data import Data, Images
from training.evaluation import Evaluation, evaluate
from training.progress import ProgressBar
from training.recipe import Recipe
from training.schedule import one_cycle
from training.teacher import Teacher


class OneCycle(keras.callbacks.Callback):
    """Sets the learning rate of each step."""

    def __init__(self, recipe: Recipe, steps_per_epoch: int) -> None:
        super().__init__()
        self._peak, self._per_epoch, self._steps = (
            recipe.learning_rate,
            steps_per_epoch,
            recipe.epochs * steps_per_epoch,
        )
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember which epoch it is."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Set the rate for this step."""
        self.model.optimizer.learning_rate = one_cycle(self._epoch * self._per_epoch + batch, self._steps, self._peak)


def fit_epoch(network: Any, recipe: Recipe, data: Data, epoch: int, bar: ProgressBar, teacher: Teacher | None) -> Row:
    """Train for one epoch and validate; the metrics, with the seconds that it took."""
    started = time.monotonic()
    callbacks = [OneCycle(recipe, steps(len(data.train.labels), recipe.batch_size)), bar]
    history = network.fit(
        Batches(data.train, recipe, epoch, teacher),
        initial_epoch=epoch,
        epochs=epoch + 1,
        validation_data=(data.validation.pixels, smoothed(data.validation.labels, len(recipe.labels), 0.0)),
        validation_batch_size=recipe.batch_size,
        callbacks=callbacks,
        shuffle=False,  # Batches does it; Keras would also mix the batches, otherwise after a resume than before
        verbose=0,
    )
    row = {name: float(values[-1]) for name, values in history.history.items()}
    return {**row, "learning_rate": float(network.optimizer.learning_rate), "seconds": time.monotonic() - started}


def assess(network: Any, images: Images, recipe: Recipe) -> Evaluation:
    """How good a network is on pictures that it was not trained on."""
    answers = network.predict(images.pixels, batch_size=recipe.batch_size, verbose=0)
    return evaluate(images.labels, answers, recipe.labels)
