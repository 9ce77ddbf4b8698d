"""The workers of each model, as they announce themselves."""

import time
from collections.abc import Callable
from typing import Any

from streamapp.serving import ModelState

#: A worker that has said nothing for so long is gone; they speak every 15 seconds.
SILENT_S = 50.0
#: What a worker that is gone said last is forgotten after this time.
FORGET_S = 3600.0


class Roster:
    """What each worker said last. Of a model without any worker the last word of its last worker is kept."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._newest: dict[str, ModelState] = {}
        self._workers: dict[bytes, ModelState] = {}

    def put(self, state: ModelState) -> None:
        """Take in what a worker says of itself."""
        known = self._newest.get(state.model)
        if known is None or known.timestamp <= state.timestamp:
            self._newest[state.model] = state
        self._workers[state.key] = state
        for key in [key for key, each in self._workers.items() if self._silent_s(each) > FORGET_S]:
            del self._workers[key]

    def remove(self, key: bytes) -> None:
        """This worker has left."""
        self._workers.pop(key, None)

    def newest(self) -> dict[str, ModelState]:
        """The newest word of each model, by name."""
        return dict(sorted(self._newest.items()))

    def shown(self, model: str) -> dict[str, Any] | None:
        """A model for a reader: the newest word, and every worker's own; None where nothing is known of it.

        Its uptime in seconds is that at its last word, `timestamp`. Of reloads and their errors the latest of any
        worker is shown.
        """
        if model not in self._newest:
            return None
        state, workers = self._newest[model], self._alive(model)
        reloads = [worker.last_reload for worker in workers if worker.last_reload]
        errors = [worker.reload_error for worker in workers if worker.reload_error]
        return {
            **state.model_dump(exclude={"worker"}),
            "uptime_s": (state.timestamp - state.started_at).total_seconds(),
            "last_reload": max(reloads, key=lambda reload: reload.at, default=None),
            "reload_error": max(errors, key=lambda error: error.at, default=None),
            "worker_count": len(workers),
            "workers": [worker.model_dump(include=OF_A_WORKER) for worker in workers],
        }

    def _alive(self, model: str) -> list[ModelState]:
        every = [state for state in self._workers.values() if state.model == model]
        alive = [state for state in every if self._silent_s(state) <= SILENT_S]
        return sorted(alive, key=lambda state: state.worker)

    def _silent_s(self, state: ModelState) -> float:
        return self._clock() - state.timestamp.timestamp()


#: What differs between the workers of a model.
OF_A_WORKER = {
    "worker",
    "model_version",
    "sha256",
    "precision",
    "loaded_at",
    "started_at",
    "timestamp",
    "last_reload",
    "reload_error",
}
