"""How far a training is: a bar with the time left on a terminal, a line a minute in a log."""

import time
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_EVERY_S = 60.0
#: The time left comes from the speed of the last so many seconds.
SPEED_OVER_S = 120.0


class ProgressBar(keras.callbacks.Callback):
    """Counts the steps of all epochs together; use it as a context manager around `fit`."""

    def __init__(self, model: str, epochs: int, steps: int, done: int, console: Console) -> None:
        super().__init__()
        self._name, self._epochs, self._steps, self._epoch = model, epochs, steps, done
        self._console, self._said = console, time.monotonic()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
        )
        self._bar = Progress(
            *columns, console=console, speed_estimate_period=SPEED_OVER_S, disable=not console.is_terminal
        )
        self._task = self._bar.add_task("", total=epochs * steps, completed=done * steps, figures="")
        self._started, self._first = time.monotonic(), done * steps

    def __enter__(self) -> "ProgressBar":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Name the epoch that begins."""
        self._epoch = epoch
        self._bar.update(self._task, description=f"{self._name} epoch {epoch + 1}/{self._epochs}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the bar; in a log, say something once a minute."""
        done = self._epoch * self._steps + batch + 1
        figures = _figures(logs or {})
        self._bar.update(self._task, completed=done, figures=figures)
        if not self._console.is_terminal and time.monotonic() - self._said >= LINE_EVERY_S:
            self._said = time.monotonic()
            left = (self._said - self._started) / (done - self._first) * (self._epochs * self._steps - done)
            self._say(
                f"epoch {self._epoch + 1}/{self._epochs} step {batch + 1}/{self._steps} {figures}, {left:.0f} s left"
            )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Leave a line for each epoch."""
        self._say(f"epoch {epoch + 1}/{self._epochs}: {_figures(logs or {})}")

    def _say(self, line: str) -> None:
        self._console.print(f"{self._name}: {line}", highlight=False, soft_wrap=True)


def _figures(logs: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.4f}" for name, value in logs.items())
