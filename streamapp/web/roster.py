"""The workers of each model, as they announce themselves."""

import time
from collections.abc import Callable

from pydantic import AwareDatetime, BaseModel, ConfigDict

from streamapp.serving import ModelState, Reloaded, ReloadError, ServedModel

#: A worker that has said nothing for so long is gone; they speak every 15 seconds.
SILENT_S = 50.0
#: What a worker that is gone said last is forgotten after this time, and a model with its last worker.
FORGET_S = 3600.0


class ShownWorker(BaseModel):
    """What differs between the workers of a model."""

    model_config = ConfigDict(from_attributes=True, protected_namespaces=())

    worker: str
    model_version: str
    sha256: str
    precision: str
    loaded_at: AwareDatetime
    started_at: AwareDatetime
    timestamp: AwareDatetime
    last_reload: Reloaded | None
    reload_error: ReloadError | None


class ShownModel(ServedModel):
    """A model for a reader: the newest word of it, and every worker's own.

    Its uptime in seconds is that at its last word, `timestamp`. Of reloads and their errors the latest of any worker is
    shown.
    """

    uptime_s: float
    worker_count: int
    workers: list[ShownWorker]


class Roster:
    """What each worker said last. Of a model without a worker the word of its last one is kept for an hour."""

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
        """The newest word of each model, by name; a model that nobody has served for an hour is none any more."""
        known = sorted(self._newest.items())
        return {model: state for model, state in known if self._silent_s(state) <= FORGET_S}

    def shown(self, model: str) -> ShownModel | None:
        """A model for a reader; None where nothing is known of it."""
        state, workers = self.newest().get(model), self._alive(model)
        if state is None:
            return None
        reloads = [worker.last_reload for worker in workers if worker.last_reload]
        errors = [worker.reload_error for worker in workers if worker.reload_error]
        latest = {
            "last_reload": max(reloads, key=lambda reload: reload.at, default=None),
            "reload_error": max(errors, key=lambda error: error.at, default=None),
        }
        return ShownModel(
            **{**dict(state), **latest},
            uptime_s=(state.timestamp - state.started_at).total_seconds(),
            worker_count=len(workers),
            workers=[ShownWorker.model_validate(worker) for worker in workers],
        )

    def _alive(self, model: str) -> list[ModelState]:
        every = [state for state in self._workers.values() if state.model == model]
        alive = [state for state in every if self._silent_s(state) <= SILENT_S]
        return sorted(alive, key=lambda state: state.worker)

    def _silent_s(self, state: ModelState) -> float:
        return self._clock() - state.timestamp.timestamp()
