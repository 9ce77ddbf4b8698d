"""The role of one model: its agent on `images-input-stream`, and what brings new versions of it into service."""

import asyncio
import logging
import os
import socket
from collections import deque
from contextlib import AsyncExitStack
from typing import Any, cast

from faust import Stream
from faust.types import StreamT

from streamapp import topics
from streamapp.classify import Classifier
from streamapp.errors import PublishFailed, RecordError
from streamapp.outcomes import PublishedOutcomes
from streamapp.publish import publish, publish_surely
from streamapp.records import now
from streamapp.registration import register as register_model
from streamapp.roles.shared import Shared
from streamapp.runtime.spec import ModelSpec
from streamapp.serving import ModelState, ReloadOrder
from streamapp.stream import StreamApp, raw_topic
from streamapp.swap import Service
from streamapp.tail import follow
from streamapp.window import Window

log = logging.getLogger(__name__)

#: Longest time that a stopping worker waits for its images in flight.
DRAIN_S = 8.0
#: How long a stopping worker tries to say that it is gone.
GOODBYE_S = 2.0
#: How often a model says on `models-state` that it is alive.
STATE_INTERVAL_S = 15.0
#: Orders are rare, and nobody counts milliseconds: so many times the usual pause between two fetches.
PATIENCE = 20
#: Orders that are remembered, for the topic is read again after the broker was away.
KNOWN_ORDERS = 1000


def register(app: StreamApp, spec: ModelSpec, shared: Shared) -> None:
    """Add the model's agent, what loads the model before the agent's first image, and what replaces it later."""
    agent = ModelAgent(app, spec, shared)
    app.openers.append(agent.open)
    app.drains.append(agent.drain)
    app.not_ready_reasons.append(agent.unannounced)
    app.agent(raw_topic(app, topics.IMAGES), name=f"{spec.name}-agent")(agent.run)
    app.timer(STATE_INTERVAL_S, on_leader=False)(agent.announce)
    for task in (agent.announce, agent.listen, agent.obey, agent.watch):
        app.task(task)


class ModelAgent:
    """A model in service, and its window of images in flight."""

    def __init__(self, app: StreamApp, spec: ModelSpec, shared: Shared) -> None:
        self.app = app
        self.spec = spec
        self.shared = shared
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self.outcomes = PublishedOutcomes(app, shared.metrics)
        self.state_topic = raw_topic(app, topics.MODELS_STATE)
        self.window: Window
        self.service: Service
        self._started_at = now()
        self._orders: asyncio.Queue[ReloadOrder] = asyncio.Queue()
        self._known: deque[ReloadOrder] = deque(maxlen=KNOWN_ORDERS)
        self._announced, self._leaving = False, False

    async def open(self, stack: AsyncExitStack) -> None:
        """Load and warm the model off the event loop, and give a new group its starting point."""
        settings, shared = self.shared.settings, self.shared
        self.service = await Service.start(self.spec, settings, shared.lane(), shared.metrics)
        stack.callback(self.service.close)
        info, fetcher = self.service.info, await shared.fetcher(stack)
        body = Classifier(
            settings,
            info,
            self.service.inference,
            fetcher,
            shared.decoders,
            self.outcomes,
            shared.metrics,
        )
        self.window = Window(settings.window, body, self.app.crash)
        await register_model(settings, self.spec.name, lambda: shared.database(stack))
        trained = "trained" if info.trained else "untrained"
        log.info("%s is loaded (%s, %s)", self.spec.name, info.model_version, trained)

    async def run(self, stream: StreamT[Any]) -> None:
        """The agent: every image once, acknowledged in order."""
        await self.window.run(cast(Stream[Any], stream).noack().events())

    async def drain(self) -> None:
        """Finish the images in flight before the worker leaves, and say that it does."""
        self._leaving = True
        if not hasattr(self, "window"):
            return
        await self.window.drain(DRAIN_S)
        try:
            await publish(self.state_topic, self._state().key, None, timeout_s=GOODBYE_S)
        except PublishFailed as error:
            log.info("%s; this worker's row will be out of date", error)

    async def announce(self) -> None:
        """Say on `models-state` what is served."""
        if not self._leaving:
            state = self._state()
            await publish_surely(self.state_topic, state.key, state.encode())
            self._announced = True

    def unannounced(self) -> list[str]:
        """Why the worker is not ready: before its first word the API knows nothing of it."""
        return [] if self._announced else ["has not announced its model yet"]

    async def listen(self) -> None:
        """Hear the orders on `models-control`, those of a time in which the broker was away included."""
        settings = self.shared.settings
        patient = settings.model_copy(update={"empty_fetch_pause_ms": settings.empty_fetch_pause_ms * PATIENCE})
        handlers, whole = {topics.MODELS_CONTROL: self._on_order}, {topics.MODELS_CONTROL}
        await follow(patient, handlers, whole, asyncio.Event(), lambda: self.app.should_stop)

    async def obey(self) -> None:
        """Reload as often as was ordered, one order after the other."""
        while not self.app.should_stop:
            order = await self._orders.get()
            await self.service.reload(order.by, order.request_id, order.timestamp)
            await self.announce()

    async def watch(self) -> None:
        """Reload when the weights have changed without an order."""
        pause = self.shared.settings.weights_poll_s
        while pause and not self.app.should_stop:
            await asyncio.sleep(pause)
            if await self.service.look():
                await self.announce()

    def _state(self) -> ModelState:
        return self.service.state(self.worker, self._started_at)

    def _on_order(self, _: bytes, value: bytes | None) -> None:
        """Queue an order for this model, unless it is older than this worker or known."""
        try:
            order = ReloadOrder.decode(value)
        except RecordError as error:
            log.warning("an order that cannot be read was left out: %s", error)
            return
        if order.model == self.spec.name and order.timestamp > self._started_at and order not in self._known:
            self._known.append(order)
            self._orders.put_nowait(order)
