"""Train one model: data, network, epochs with checkpoints, the exported file, and the record of it all."""

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from streamapp.errors import TrainingError
from streamapp.runtime.weightfiles import sha256
from training import backend, checkpoints
from training.checkpoints import State
from training.data import Data, Item, find, from_keras, limited, load, split
from training.evaluation import Evaluation
from training.recipe import Recipe
from training.record import Record


@dataclass(frozen=True)
class Result:
    """A finished training: the file with the weights, how good they are on the test pictures, and its MLflow run."""

    weights: Path
    evaluation: Evaluation
    run_id: str


class Trainer:
    """Trains by one recipe in one folder; a folder holds one training, which can be resumed."""

    def __init__(
        self, recipe: Recipe, folder: Path, data_dir: Path, threads: int = 0, state: State | None = None
    ) -> None:
        self._recipe, self._folder, self._data_dir, self._threads = recipe, folder, data_dir, threads
        self._state = state
        self._console = Console(stderr=True)

    @classmethod
    def resumed(cls, options: Mapping[str, Any], folder: Path, data_dir: Path, threads: int = 0) -> "Trainer":
        """Go on with the training in a folder.

        Raises:
            TrainingError: there is none, or it has other `options`.
        """
        state = checkpoints.find(folder)
        if state is None:
            raise TrainingError(f"there is no training to --resume in {folder}; leave --resume out to start one")
        state.recipe.check_same(options)
        return cls(state.recipe, folder, data_dir, threads, state)

    def run(self) -> Result:
        """Train until the last epoch is done.

        Raises:
            TrainingError: the data, the weights to start from or the MLflow store cannot be used, or it is interrupted.
        """
        recipe = self._recipe
        recipe.check_files()
        checkpoints.check_writable(self._folder)
        self._say(f"reading pictures, {recipe.input_size}×{recipe.input_size}")
        data = load(parts_of(recipe), recipe.labels, recipe.input_size, recipe.detail)
        self._say(
            f"{len(data.train.labels):,} to train, {len(data.validation.labels):,} to validate, "
            f"{len(data.test.labels):,} to test; data {data.fingerprint[:12]}"
        )
        name = backend.prepare(self._threads)
        from training.network import create

        network = create(recipe)
        self._say(f"{recipe.architecture} with {network.count_params():,} parameters, Keras on {name}")
        record, state = self._begin(data, name)
        with self._watched(record):
            if state.epochs_done:
                checkpoints.restore(self._folder, state, network)
            state = self._epochs(network, data, record, state)
            return self._finish(network, data, record, state)

    def _begin(self, data: Data, backend_name: str) -> tuple[Record, State]:
        """The record and the state to start from."""
        if self._state is not None:
            if self._state.fingerprint != data.fingerprint:
                raise TrainingError(f"{self._folder}: the data is not the one this training began with; start anew")
            self._say(f"going on after epoch {self._state.epochs_done} of {self._recipe.epochs}")
            record = Record.resume(self._data_dir, self._state.run_id)
            if not record.has_epoch(self._state.epochs_done):  # the store may have been why it stopped
                record.epoch(self._state.epochs_done, self._state.history[-1])
            return record, self._state
        params = {**self._recipe.to_json(), "data_fingerprint": data.fingerprint, "backend": backend_name}
        record = Record.start(self._data_dir, self._recipe.model, {**params, "command": command()})
        return record, State(self._recipe, data.fingerprint, record.run_id, command())

    def _epochs(self, network: Any, data: Data, record: Record, state: State) -> State:
        from training.batches import steps
        from training.fitting import fit_epoch
        from training.progress import ProgressBar
        from training.teacher import load_teacher

        recipe, done = self._recipe, state.epochs_done
        teacher, per_epoch = load_teacher(recipe), steps(len(data.train.labels), recipe.batch_size)
        with ProgressBar(recipe.model, recipe.epochs, per_epoch, done, self._console) as bar:
            for epoch in range(done, recipe.epochs):
                row = fit_epoch(network, recipe, data, epoch, bar, teacher)
                state = replace(state, epochs_done=epoch + 1, history=[*state.history, row])
                checkpoints.save(self._folder, state, network)
                record.epoch(epoch + 1, row)
        return state

    def _finish(self, network: Any, data: Data, record: Record, state: State) -> Result:
        """Export, then test what was exported, for half precision rounds."""
        from training.export import export
        from training.fitting import assess
        from training.network import reloaded

        weights = self._folder / f"{self._recipe.model}.weights.h5"
        facts = {"recipe": self._recipe.portable(), "data_fingerprint": data.fingerprint, "command": state.command}
        tried = weights.with_name(f"{checkpoints.UNFINISHED}tried-{weights.name}")
        export(network, tried, facts)
        result = assess(reloaded(self._recipe, tried), data.test, self._recipe)
        notes = weights.with_name(f"{self._recipe.model}.json")
        told = {**facts, "sha256": sha256(tried), "history": state.history, "test": result.to_json()}
        checkpoints.write_json(notes, told)
        checkpoints.replace(tried, weights)  # last: a worker that watches these weights finds what is said of them
        record.finish(result, [weights, notes])
        return Result(weights, result, record.run_id)

    @contextmanager
    def _watched(self, record: Record) -> Iterator[None]:
        """Close the record however it ends; SIGTERM ends it like Ctrl-C."""
        interrupted = False

        def interrupt(*_: Any) -> None:
            nonlocal interrupted
            interrupted = True
            raise KeyboardInterrupt

        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        except BaseException as error:
            with suppress(TrainingError):  # a store that does not answer must not hide why it ended
                record.end("KILLED" if interrupted else "FAILED")
            if interrupted:  # whatever a library that was in the middle of something has made of it
                raise TrainingError(self._interrupted(record.run_id)) from None
            if isinstance(error, OSError):
                raise TrainingError(f"{self._folder} cannot be written: {error.strerror or error}") from error
            raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _interrupted(self, run_id: str) -> str:
        left = checkpoints.find(self._folder)
        done = left.epochs_done if left and left.run_id == run_id else 0
        if not done:
            return f"{self._recipe.model}: interrupted before the first epoch was done; there is nothing to resume"
        where = f"streamapp train {self._recipe.model} --resume --output {self._folder.parent}"
        return f"{self._recipe.model}: interrupted after epoch {done} of {self._recipe.epochs}; go on with: {where}"

    def _say(self, line: str) -> None:
        self._console.print(f"{self._recipe.model}: {line}", highlight=False, soft_wrap=True)


def parts_of(recipe: Recipe) -> dict[str, list[Item]]:
    """The pictures of a recipe, split and limited.

    Raises:
        TrainingError, SourceError: there are none; the text names --data.
    """
    places = [Path(place) for place in recipe.data]
    items = find(places, recipe.labels) if places else from_keras(recipe.labels)
    return limited(split(items), recipe.limit)


def command() -> str:
    """What was typed to start this."""
    return " ".join(["streamapp", *sys.argv[1:]])
