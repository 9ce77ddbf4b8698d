"""Every training is an MLflow run; by default in a local SQLite file, with its artefacts in a folder beside it."""

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamapp.errors import TrainingError
from streamapp.runtime import mlflow_client
from streamapp.runtime.stores import TRACKING, plain, tracking_uri
from training.checkpoints import Row
from training.evaluation import Evaluation

EXPERIMENT = "streamapp-training"
#: The folder of a run's artefacts that has the model's files.
MODEL = "model"
#: Longest value of a parameter that MLflow takes.
LONGEST = 500


class Record:
    """One run: parameters at the start, metrics of each epoch, the rest at the end."""

    def __init__(self, client: Any, run_id: str) -> None:
        self._client, self.run_id = client, run_id

    @classmethod
    def start(cls, data_dir: Path, name: str, params: Mapping[str, Any]) -> "Record":
        """Open a new run.

        Raises:
            TrainingError: the store does not answer.
        """
        client = _client(data_dir)
        run = _ask(client.create_run, _experiment(client, data_dir), run_name=name)
        _ask(client.log_batch, run.info.run_id, params=[_param(key, value) for key, value in params.items()])
        return cls(client, run.info.run_id)

    @classmethod
    def resume(cls, data_dir: Path, run_id: str) -> "Record":
        """Go on with a run.

        Raises:
            TrainingError: the store does not answer, or has no such run.
        """
        client = _client(data_dir)
        _ask(client.update_run, run_id, status="RUNNING")
        return cls(client, run_id)

    def epoch(self, number: int, row: Row) -> None:
        """The metrics after epoch `number`, counted from 1."""
        self._metrics(row, number)

    def has_epoch(self, number: int) -> bool:
        """Whether the store has metrics of epoch `number`, counted from 1."""
        return any(metric.step == number for metric in _ask(self._client.get_metric_history, self.run_id, "loss"))

    def finish(self, result: Evaluation, files: Sequence[Path]) -> None:
        """The test's metrics, the confusion matrix as a picture and as numbers, the model's files; then it is done."""
        from training.picture import confusion_picture

        low, high = result.accuracy.interval
        self._metrics({"test_accuracy": result.accuracy.value, "test_accuracy_low": low, "test_accuracy_high": high})
        self._metrics({f"test_accuracy_{_plain(label)}": rate.value for label, rate in result.per_class.items()})
        _ask(self._client.log_figure, self.run_id, confusion_picture(result), "confusion.png")
        _ask(self._client.log_dict, self.run_id, result.to_json(), "evaluation.json")
        self.files(files)
        self.end("FINISHED")

    def files(self, files: Sequence[Path]) -> None:
        """Keep the model's files."""
        for path in files:
            _ask(self._client.log_artifact, self.run_id, str(path), MODEL)

    def end(self, status: str) -> None:
        """Close the run: FINISHED, FAILED or KILLED."""
        _ask(self._client.set_terminated, self.run_id, status)

    def _metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        _ask(self._client.log_batch, self.run_id, [Metric(name, value, now, step) for name, value in values.items()])


def _plain(label: str) -> str:
    """A class in the characters that MLflow takes in the name of a metric."""
    return re.sub(r"[^\w.\- ]", "_", label)


def _param(name: str, value: Any) -> Any:
    from mlflow.entities import Param

    return Param(name, str(value)[:LONGEST])


def _client(data_dir: Path) -> Any:
    data_dir.mkdir(parents=True, exist_ok=True)
    return _ask(mlflow_client.connect, tracking_uri(data_dir))


def _experiment(client: Any, data_dir: Path) -> str:
    """The experiment's id; made on the first run, with its artefacts in the data folder where the store is local."""
    found = _ask(client.get_experiment_by_name, EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    place = None if os.environ.get(TRACKING) else (data_dir / "mlruns").resolve().as_uri()
    return str(_ask(client.create_experiment, EXPERIMENT, artifact_location=place))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals wait for the end of a call: one that breaks into a transaction leaves the local database locked."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda which, _: arrived.append(which)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for which in arrived:
            signal.raise_signal(which)


def _ask(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The result of a call of MLflow, whose errors become one line."""
    try:
        with _undisturbed():
            return call(*arguments, **options)
    except Exception as error:  # MLflow raises its own, requests', SQLAlchemy's and OSError
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        store = plain(os.environ.get(TRACKING) or "local store")
        raise TrainingError(f"MLflow ({store}): {plain(line)}") from error
