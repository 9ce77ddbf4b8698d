"""Where the time of one prediction went."""

import time
from dataclasses import dataclass, field
from datetime import datetime

from streamapp.records import now


@dataclass
class Clock:
    """Where the time of one prediction went, in milliseconds."""

    queue_ms: float
    started: float = field(default_factory=time.perf_counter)
    fetch_ms: float = 0.0
    preprocess_ms: float = 0.0

    def lap(self) -> float:
        """Milliseconds since the last lap."""
        before, self.started = self.started, time.perf_counter()
        return (self.started - before) * 1000

    @classmethod
    def start(cls, timestamp: datetime) -> "Clock":
        """A clock for an image that was accepted at `timestamp`; the clocks of two hosts may disagree a little."""
        return cls(queue_ms=max(0.0, (now() - timestamp).total_seconds() * 1000))
