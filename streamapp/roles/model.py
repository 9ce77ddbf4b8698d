"""The role of one model: its agent on `images-input-stream`."""

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

from faust import Stream
from faust.types import StreamT

from streamapp import topics
from streamapp.classify import Classifier
from streamapp.inference import InferenceThread
from streamapp.publish import publish_surely
from streamapp.records import ModelState, now
from streamapp.roles.shared import Shared
from streamapp.runtime import load
from streamapp.runtime.prepare import prepare
from streamapp.runtime.spec import ModelInfo, ModelSpec
from streamapp.stream import StreamApp, raw_topic
from streamapp.window import Window

log = logging.getLogger(__name__)

#: Longest time that a stopping worker waits for its images in flight.
DRAIN_S = 8.0
#: How often a model says on `models-state` that it is alive.
STATE_INTERVAL_S = 15.0


def register(app: StreamApp, spec: ModelSpec, shared: Shared) -> None:
    """Add the model's agent, and what loads the model before the agent's first image."""
    agent = ModelAgent(app, spec, shared)
    app.openers.append(agent.open)
    app.drains.append(agent.drain)
    app.agent(raw_topic(app, topics.IMAGES), name=f"{spec.name}-agent")(agent.run)
    app.timer(STATE_INTERVAL_S, on_leader=False)(agent.announce)
    app.task(agent.announce)


class ModelAgent:
    """A model, its thread and its window of images in flight."""

    def __init__(self, app: StreamApp, spec: ModelSpec, shared: Shared) -> None:
        self.app = app
        self.spec = spec
        self.shared = shared
        self.started_at = now()
        self.predictions = raw_topic(app, topics.PREDICTIONS)
        self.dead_letters = raw_topic(app, topics.DEAD_LETTERS)
        self.state_topic = raw_topic(app, topics.MODELS_STATE)
        self.window: Window
        self.info: ModelInfo
        self.loaded_at: datetime

    async def open(self, stack: AsyncExitStack) -> None:
        """Load and warm the model off the event loop, and give a new group its starting point."""
        settings, shared = self.shared.settings, self.shared
        await asyncio.to_thread(prepare, settings, [self.spec])
        loaded = await asyncio.to_thread(load, self.spec, settings)
        stack.callback(loaded.close)
        self.info, self.loaded_at = loaded.info, now()
        shared.metrics.model_loaded(self.info)
        inference = InferenceThread(self.spec.name, loaded, shared.lane(), settings.inference_timeout_s)
        stack.callback(inference.close)
        fetcher = await shared.fetcher(stack)
        body = Classifier(
            settings,
            self.info,
            inference,
            fetcher,
            shared.decoders,
            self.predictions,
            self.dead_letters,
            shared.metrics,
        )
        self.window = Window(settings.window, body, self.app.crash)
        await topics.register_group(settings, self.app.conf.id, topics.IMAGES)
        trained = "trained" if self.info.trained else "untrained"
        log.info("%s is loaded (%s, %s)", self.spec.name, self.info.model_version, trained)

    async def run(self, stream: StreamT[Any]) -> None:
        """The agent: every image once, acknowledged in order."""
        await self.window.run(cast(Stream[Any], stream).noack().events())

    async def drain(self) -> None:
        """Finish the images in flight before the worker leaves."""
        if hasattr(self, "window"):
            await self.window.drain(DRAIN_S)

    async def announce(self) -> None:
        """Say on `models-state` what is served."""
        times = {"loaded_at": self.loaded_at, "started_at": self.started_at, "timestamp": now()}
        state = ModelState.model_validate({**asdict(self.info), **times})
        await publish_surely(self.state_topic, state.model.encode(), state.encode())
