"""The thread in which one model infers: off the event loop, one batch at a time, in the lane."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streamapp.errors import ModelError
from streamapp.runtime.lane import Lane, NoLane, State
from streamapp.runtime.spec import Model

#: Longest wait for the last call when the worker stops, in seconds.
CLOSE_S = 2.0


@dataclass(frozen=True)
class Inference:
    """One answer of a model with its times in milliseconds."""

    probabilities: npt.NDArray[np.float32]
    lane_ms: float
    inference_ms: float
    lane: State


class InferenceThread:
    """Runs a model's calls in order. A call that hangs is given up with its thread, and a new thread takes over.

    The threads are daemons: one that hangs must not keep the worker from stopping.
    """

    def __init__(self, name: str, model: Model, lane: Lane | NoLane, timeout_s: float) -> None:
        self.name = name
        self.model = model
        self.lane = lane
        self.timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._jobs = self._start()

    async def infer(self, image: npt.NDArray[np.uint8]) -> Inference:
        """Classify one image, uint8 RGB [H, W, 3]. Calls are served in the order in which they came.

        Raises:
            ModelError: the model failed, or took longer than the timeout.
        """
        async with self._turn:  # so that the timeout counts this call alone, not those before it
            return await self._submit(image)

    async def _submit(self, image: npt.NDArray[np.uint8]) -> Inference:
        jobs, done = self._jobs, asyncio.get_running_loop().create_future()
        jobs.put((image, done))
        try:
            result: Inference = await asyncio.wait_for(done, self.timeout_s)
        except TimeoutError:
            jobs.put(None)
            self._jobs = self._start()
            raise ModelError(f"{self.name} did not answer within {self.timeout_s:g} s") from None
        return result

    def close(self) -> None:
        """End the thread after the call that it is in; the model may be closed then, unless that call hangs."""
        self._jobs.put(None)
        self._thread.join(CLOSE_S)

    def _start(self) -> "queue.SimpleQueue[Any]":
        jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, args=(jobs,), name=f"infer-{self.name}", daemon=True)
        self._thread.start()
        return jobs

    def _work(self, jobs: "queue.SimpleQueue[Any]") -> None:
        while (job := jobs.get()) is not None:
            image, done = job
            try:
                outcome = self._call(image)
            except Exception as error:  # whatever a model raises is that image's failure, not the worker's
                _deliver(done, done.set_exception, ModelError(f"{self.name} failed: {error}"))
            else:
                _deliver(done, done.set_result, outcome)

    def _call(self, image: npt.NDArray[np.uint8]) -> Inference:
        with self.lane.turn() as turn:
            start = time.perf_counter()
            probabilities = self.model.predict(image[np.newaxis])[0]
            inference_ms = (time.perf_counter() - start) * 1000
        if not np.isfinite(probabilities).all():
            raise ModelError(f"{self.name} answered with numbers that are not finite")
        return Inference(probabilities, turn.waited_ms, inference_ms, turn.state)


def _deliver(done: asyncio.Future[Any], setter: Callable[[Any], None], value: Any) -> None:
    """Hand a result to the event loop, unless nobody waits for it any more."""
    loop = done.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(lambda: None if done.done() else setter(value))
