"""What a producer shows while it runs, and its summary line at the end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from streamapp.ingest.produce.client import Uploader

#: Without a terminal (a log), one line this often, in seconds.
LINE_EVERY_S = 10.0


class Report:
    """Counts what happens to the pictures of one stream and shows it: a bar on a terminal, lines in a log."""

    def __init__(self, title: str, total: int | None = None, console: Console | None = None) -> None:
        self.accepted = 0
        self.refused = 0
        self.retries = 0
        self._title = title
        self._console = console or Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:.1f}/s"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task(title, total=total, rate=0.0)
        self._started = self._last_line = time.monotonic()

    @contextmanager
    def running(self, uploader: Uploader) -> Iterator[None]:
        """Show the progress inside, and the summary line at the end; an error before the first image stays alone."""
        self._started = self._last_line = time.monotonic()
        failed = True
        try:
            with self._progress:
                yield
            failed = False
        finally:
            self.retries = uploader.retries
            if self.accepted or self.refused or not failed:
                self.say(self.summary())

    def sent(self) -> None:
        """A picture was accepted."""
        self.accepted += 1
        self._progress.update(self._task, advance=1, rate=self._rate())
        if not self._console.is_terminal and time.monotonic() - self._last_line >= LINE_EVERY_S:
            self._last_line = time.monotonic()
            self.say(f"{self._title}: {self.accepted} sent, {self._rate():.1f}/s")

    def rejected(self, filename: str, why: str) -> None:
        """A picture was refused."""
        self.refused += 1
        self.say(f"{filename} was refused: {why}")

    def say(self, text: str) -> None:
        """One line for a person."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def summary(self) -> str:
        """What became of the stream, on one line."""
        seconds = time.monotonic() - self._started
        return (
            f"{self._title}: {self.accepted} images accepted, {self.refused} refused, {self.retries} tries repeated, "
            f"in {seconds:.1f} s ({self._rate():.1f}/s)"
        )

    def _rate(self) -> float:
        return self.accepted / max(time.monotonic() - self._started, 1e-9)
