"""At most so many requests in any hour, also over restarts: their times are kept in a small file."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from streamapp.errors import SourceError

HOUR_S = 3600.0


class HourlyBudget:
    """Counts requests in a sliding hour."""

    def __init__(self, path: Path, limit: int, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._limit = limit
        self._clock = clock

    def wait_s(self) -> float:
        """Seconds until the next request is allowed; 0 when it is allowed now."""
        times = self._times()
        return 0.0 if len(times) < self._limit else times[-self._limit] + HOUR_S - self._clock()

    def spend(self) -> None:
        """Count one request.

        Raises:
            SourceError: the file cannot be written, so that a restart would forget this request.
        """
        self._save([*self._times(), self._clock()])

    def exhaust(self) -> None:
        """The other side says that the hour's requests are used up: count as many as are allowed."""
        self._save([*self._times(), *[self._clock()] * self._limit])

    def _times(self) -> list[float]:
        """Times of the last hour, oldest first. A damaged file counts as a full hour: asking too often is worse."""
        now = self._clock()
        try:
            saved = [float(moment) for moment in json.loads(self._path.read_text())]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError):
            saved = [now] * self._limit
            self._save(saved)
        return sorted(moment for moment in saved if now - HOUR_S < moment <= now)

    def _save(self, times: list[float]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial = self._path.with_suffix(".part")
            partial.write_text(json.dumps(times[-2 * self._limit :]))
            partial.replace(self._path)
        except OSError as error:
            raise SourceError(f"{self._path} cannot be written: {error.strerror}") from error
