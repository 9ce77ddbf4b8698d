"""The role `api`: ingest and everything that is asked over HTTP; no tables, no group, so that it answers for all."""

import asyncio
import logging
from contextlib import AsyncExitStack

from aiohttp import web
from aiokafka.errors import MessageSizeTooLargeError

import agents
from streamapp import topics
from streamapp.alerts.service import Alerts
from streamapp.errors import PublishFailed, RecordError
from streamapp.ingest.accept import sweep
from streamapp.publish import publish
from streamapp.records import ImageMessage, LabelMessage, Verdict
from streamapp.registration import register as register_model
from streamapp.resend import Message
from streamapp.roles.shared import Shared
from streamapp.serving import ModelState, ReloadOrder
from streamapp.storage.alerts import AlertStore
from streamapp.storage.ledger import LedgerStore
from streamapp.stream import StreamApp, raw_topic
from streamapp.tail import follow
from streamapp.web import setup
from streamapp.web.context import ApiContext
from streamapp.web.live import LiveView

log = logging.getLogger(__name__)


def register(app: StreamApp, shared: Shared) -> None:
    """Add the API's routes, its live view and the sweep of unpublished images."""
    app.producer_only = True
    role = ApiRole(app, shared)
    app.openers.append(role.open)
    app.web_setups.append(role.serve)
    app.not_ready_reasons.append(role.not_ready)
    app.task(role.follow)
    app.task(role.sweep)
    if shared.settings.alert_every_s:
        app.task(role.watch)


class ApiRole:
    """What the API knows without a database: the newest verdicts, figures and models, read from the topics."""

    def __init__(self, app: StreamApp, shared: Shared) -> None:
        self.app = app
        self.shared = shared
        self.live = LiveView()
        self.images = raw_topic(app, topics.IMAGES)
        self.control = raw_topic(app, topics.MODELS_CONTROL)
        self.labels = raw_topic(app, topics.LABELS)
        self.caught_up = asyncio.Event()
        self.context: ApiContext
        self.alerts: Alerts

    async def open(self, stack: AsyncExitStack) -> None:
        """Connect the stores. From here on images are accepted, so every model's group has its starting point now:
        one that is still being converted or loaded will begin with the first of them.
        """
        shared = self.shared
        db = await shared.database(stack)
        models = agents.specs(shared.settings.models, shared.settings.weights)
        for model in models:
            starts = await register_model(shared.settings, model, lambda: shared.database(stack))
            await LedgerStore(db).begin(model, starts)  # also for groups from before there was a ledger
        self.context = ApiContext(
            settings=shared.settings,
            db=db,
            objects=await shared.objects(stack),
            cache=await shared.cache(stack),
            publish=self.publish,
            order=self.order,
            label=self.label,
            send=self.send,
            live=self.live,
            metrics=shared.metrics,
        )
        await asyncio.to_thread(lambda: self.context.tokens)  # what is wrong with the keys is said here
        await self.context.objects.ensure_bucket(topics.RAW_IMAGES_BUCKET)
        self.alerts = Alerts(shared.settings, list(models), AlertStore(db), self.live, self.caught_up.is_set)

    def serve(self, web_app: web.Application) -> None:
        """Add the API's routes."""
        setup(web_app, self.context)

    def not_ready(self) -> list[str]:
        """The figures are not whole before the topics have been read to their end."""
        return [] if self.caught_up.is_set() else ["reading the figures so far"]

    async def publish(self, image: ImageMessage, inline: bytes | None) -> None:
        """Send an accepted image on its way; returns when the broker has it, raises PublishFailed when it has not.

        An original that is too large for the topic does not travel with its message: the object store has it as well.
        """
        key, timeout_s = str(image.image_id).encode(), self.shared.settings.publish_timeout_s
        headers = {"image": inline} if inline else None
        try:
            await publish(self.images, key, image.encode(), headers=headers, timeout_s=timeout_s)
        except MessageSizeTooLargeError as error:
            if not inline:
                raise PublishFailed(f"no message about an image is small enough for {self.images}: {error}") from error
            await self.publish(image, None)

    async def order(self, order: ReloadOrder) -> None:
        """Tell every worker of a model; returns when the broker has the order, raises PublishFailed when it has not."""
        timeout_s = self.shared.settings.publish_timeout_s
        await publish(self.control, order.model.encode(), order.encode(), timeout_s=timeout_s)

    async def label(self, label: LabelMessage) -> None:
        """Tell everybody an image's right class, on the partition of its image; raises PublishFailed."""
        timeout_s = self.shared.settings.publish_timeout_s
        await publish(self.labels, str(label.image_id).encode(), label.encode(), timeout_s=timeout_s)

    async def send(self, message: Message) -> None:
        """Send a message again; returns when the broker has it, raises PublishFailed when it has not."""
        await publish(
            raw_topic(self.app, message.topic),
            message.key,
            message.value,
            headers=message.headers,
            partition=message.partition,
            timeout_s=self.shared.settings.publish_timeout_s,
        )

    async def follow(self) -> None:
        """Keep the live view, also after the broker was away."""
        handlers = {
            topics.STATS_PARTIALS: self.live.apply_partial,
            topics.MODELS_STATE: self._on_model_state,
            topics.VERDICTS: self._on_verdict,
        }
        whole = {topics.STATS_PARTIALS, topics.MODELS_STATE}
        await follow(self.shared.settings, handlers, whole, self.caught_up, lambda: self.app.should_stop)

    async def sweep(self) -> None:
        """Send images again that were stored and never published."""
        await sweep(self.context)

    async def watch(self) -> None:
        """Look at the rules of the alerts now and then."""
        await self.alerts.run()

    def _on_verdict(self, _: bytes, value: bytes | None) -> None:
        try:
            verdict = Verdict.decode(value)
        except RecordError as error:
            log.warning("a verdict that cannot be read was left out: %s", error)
        else:
            self.live.apply_verdict(verdict)
            self.alerts.take(verdict)

    def _on_model_state(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.live.roster.remove(key)
            return
        try:
            self.live.roster.put(ModelState.decode(value))
        except RecordError as error:
            log.warning("a model's state that cannot be read was left out: %s", error)
