"""A model in service that can be replaced: the new version is loaded beside it, and takes over between two images."""

import asyncio
import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import asdict
from datetime import datetime

from streamapp.errors import RegistryUnavailable
from streamapp.inference import InferenceThread
from streamapp.metrics import Metrics
from streamapp.records import now
from streamapp.runtime import load
from streamapp.runtime.lane import Lane, NoLane
from streamapp.runtime.prepare import prepare
from streamapp.runtime.spec import Model, ModelSpec
from streamapp.runtime.watch import mark
from streamapp.runtime.weights import exact, resolve
from streamapp.serving import ModelState, Outcome, Reloaded, ReloadError
from streamapp.settings import Settings
from streamapp.threads import in_thread

log = logging.getLogger(__name__)

#: Loads and warms what a model's weights stand for now; None where that is the version with this hash. Blocks.
Newer = Callable[[ModelSpec, Settings, str], Model | None]


def newer(spec: ModelSpec, settings: Settings, sha256: str) -> Model | None:
    """The `Newer` of every worker: resolve, convert in a child process, load.

    Loading takes a third of a second of one core and is not slowed down: threads that OpenVINO starts meanwhile
    would keep a lower priority for their life, and infer with it.

    Raises:
        ModelError: the weights cannot be found, converted or loaded.
    """
    pinned = exact(spec, settings)
    if resolve(pinned, settings).digest == sha256:
        return None
    prepare(settings, [pinned], log.info, background=True)
    return load(pinned, settings)


class Service:
    """One model of one worker, and what its state says.

    Whatever is wrong with a new version: the one in service goes on, and the state says why.
    """

    def __init__(
        self,
        spec: ModelSpec,
        settings: Settings,
        model: Model,
        lane: Lane | NoLane,
        metrics: Metrics,
        seen: Hashable = None,
        newer: Newer = newer,
    ) -> None:
        self.spec = spec
        self.info = model.info
        self.inference = InferenceThread(spec.name, model, lane, settings.inference_timeout_s)
        self._settings, self._metrics, self._newer = settings, metrics, newer
        self._loaded_at = now()
        self._one_at_a_time = asyncio.Lock()
        self._seen = seen
        self._last: Reloaded | None = None
        self._reload_error: ReloadError | None = None
        self._look_error: ReloadError | None = None
        metrics.model_loaded(self.info)

    @classmethod
    async def start(cls, spec: ModelSpec, settings: Settings, lane: Lane | NoLane, metrics: Metrics) -> "Service":
        """Load and warm the model off the event loop.

        Raises:
            ModelError: it cannot be found, converted or loaded.
        """
        try:
            seen = await asyncio.to_thread(mark, spec, settings)
        except RegistryUnavailable:  # whether there are weights to start with is found out below
            seen = None
        pinned = await asyncio.to_thread(exact, spec, settings)
        await asyncio.to_thread(prepare, settings, [pinned])
        model = await asyncio.to_thread(load, pinned, settings)
        return cls(spec, settings, model, lane, metrics, seen)

    def close(self) -> None:
        """Close the model after its last call."""
        self.inference.close()

    async def reload(self, by: str, request_id: str = "", ordered_at: datetime | None = None) -> Reloaded:
        """Serve what the weights stand for now. One reload after the other, so the last one asked for wins."""
        async with self._one_at_a_time:
            return await self._reload(by, request_id, ordered_at)

    async def look(self) -> bool:
        """Reload where the weights are not those of the last look; whether there is something new to say."""
        try:
            seen = await in_thread(f"look-{self.spec.name}", mark, self.spec, self._settings)
        except Exception as error:  # whatever a registry or a file system does, this model goes on
            known = self._look_error is not None and self._look_error.error == str(error)
            self._look_error = self._look_error if known else self._failed(error)
            return not known
        recovered, self._look_error = self._look_error is not None, None
        async with self._one_at_a_time:
            if seen == self._seen:  # perhaps only now, after a reload that was ordered meanwhile
                return recovered
            await self._reload("poll")
        return True

    def state(self, worker: str, started_at: datetime) -> ModelState:
        """What this worker, named and started so, serves now."""
        return ModelState.model_validate(
            {
                **asdict(self.info),
                "worker": worker,
                "loaded_at": self._loaded_at,
                "started_at": started_at,
                "timestamp": now(),
                "last_reload": self._last,
                "reload_error": self._reload_error or self._look_error,
            }
        )

    async def _reload(self, by: str, request_id: str = "", ordered_at: datetime | None = None) -> Reloaded:
        start = time.monotonic()
        outcome: Outcome = "failed"
        try:
            outcome = await self._renew(start)
            self._reload_error = self._look_error = None
        except Exception as error:  # whatever a loader of foreign files raises, this model goes on
            self._reload_error = self._failed(error)
            if isinstance(error, RegistryUnavailable):
                self._seen = None  # so that the next look tries again
        self._metrics.model_reloads.labels(self.spec.name, outcome).inc()
        seconds = round(time.monotonic() - start, 3)
        self._last = Reloaded(
            outcome=outcome, by=by, request_id=request_id, ordered_at=ordered_at, at=now(), seconds=seconds
        )
        return self._last

    async def _renew(self, start: float) -> Outcome:
        spec, settings, before = self.spec, self._settings, self.info
        self._seen = await in_thread(f"look-{spec.name}", mark, spec, settings)
        model = await in_thread(f"load-{spec.name}", self._newer, spec, settings, before.sha256)
        if model is None:
            log.info("%s: version %s is served already; nothing was done", spec.name, before.model_version)
            return "unchanged"
        await self.inference.swap(model)
        self.info, self._loaded_at = model.info, now()
        self._metrics.model_loaded(self.info)
        seconds, versions = time.monotonic() - start, (self.info.model_version, before.model_version)
        log.info("%s: version %s took over from %s after %.1f s", spec.name, *versions, seconds)
        return "swapped"

    def _failed(self, error: Exception) -> ReloadError:
        text = (str(error).strip() or type(error).__name__).splitlines()[0]
        log.error("%s goes on with version %s: %s", self.spec.name, self.info.model_version, text)
        return ReloadError(error=text, at=now())
