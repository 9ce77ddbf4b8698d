"""What every role's Faust app shares: its settings, resources with a life, topics of raw bytes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, cast

import faust
from aiohttp.web import Application, AppRunner
from faust.tables.manager import TableManager
from faust.transport.drivers.aiokafka import Transport
from faust.types import TopicT
from faust.web.drivers.aiohttp import Web

from streamapp import topics
from streamapp.access.callers import check, tls
from streamapp.errors import BrokerUnavailable, StreamappError
from streamapp.evict import client_id
from streamapp.publish import Topic
from streamapp.settings import Settings
from streamapp.transport import PacedTransport, credentials

log = logging.getLogger(__name__)

RETRY_S = 1.0
#: A reader of events that has left ends its handler. A compressed body is never unpacked: a small one can be endless.
#: A connection without a request is kept a little longer than proxies keep theirs (60 s), which is not for an hour.
HANDLER_ARGS = {"handler_cancellation": True, "auto_decompress": False, "keepalive_timeout": 75.0}

Opener = Callable[[AsyncExitStack], Awaitable[None]]
WebSetup = Callable[[Application], None]


class StreamApp(faust.App):
    """The Faust app of one role.

    `openers` run before the consumer joins its group and put what must be closed on the stack;
    `drains` run at the stop while the consumer still can commit; `web_setups` add routes to the worker's web server.
    `patience` makes the pauses between its fetches longer, for a role that nobody waits for.
    The worker's first app carries the other roles' apps as `companions`, and the web server of all.
    """

    logger = logging.getLogger("faust.app")  # what Faust says of its services is not ours
    settings: Settings
    openers: list[Opener]
    drains: list[Callable[[], Awaitable[None]]]
    web_setups: list[WebSetup]
    not_ready_reasons: list[Callable[[], list[str]]]
    companions: list["StreamApp"]
    web_setup: WebSetup
    web_runner: type[AppRunner] = AppRunner

    def __init__(self, settings: Settings, role: str, patience: int = 1, **options: Any) -> None:
        self.settings = settings
        self.role = role
        self.openers, self.drains, self.web_setups, self.not_ready_reasons = [], [], [], []
        self.companions = []
        self.patience = patience
        self._opened, self._up = False, False
        self._served: Application | None = None
        self._resources = AsyncExitStack()
        super().__init__(f"streamapp-{role}", **_options(settings, role), **options)

    def _new_transport(self) -> Transport:
        return PacedTransport(self.conf.broker_consumer, self, loop=self.loop)

    def _new_web(self) -> Web:
        found = cast(Web, super()._new_web())
        found._runner = self.web_runner(found.web_app, access_log=None)
        return found

    async def on_first_start(self) -> None:
        """Make the data folder with its parents, which Faust does not."""
        self.conf.datadir.mkdir(parents=True, exist_ok=True)
        await super().on_first_start()

    async def on_start(self) -> None:
        """Open the resources before anything consumes, the companions' too: their routes are on our web server."""
        for app in (self, *self.companions):
            await app.open()
        await super().on_start()

    async def open(self) -> None:
        """Create the topics and open the role's resources, once."""
        if self._opened:
            return
        self._opened = True
        try:
            # Faust's command line and its own variables can set another address than our settings.
            check(self.settings.model_copy(update={"web_host": self.conf.web_bind}))
            await self._ensure_topics()
            for opener in self.openers:
                await opener(self._resources)
        except StreamappError as error:  # for a person to mend: one line, and no traceback from Faust
            log.error("%s cannot start: %s", self.role, error)
            raise SystemExit(1) from error

    async def _ensure_topics(self) -> None:
        """Create the topics, and wait for a broker that is not there yet: a worker may start before it."""
        while True:
            try:
                return await topics.ensure(self.settings)
            except BrokerUnavailable as error:
                log.warning("%s; trying again in %g s", error, RETRY_S)
                await asyncio.sleep(RETRY_S)

    async def on_started(self) -> None:
        """Start the companions, each with its own group and offsets."""
        for companion in self.companions:
            await self.add_runtime_dependency(companion)
        await super().on_started()
        self._up = True

    async def on_stop(self) -> None:
        """Finish what is in flight while offsets can still be committed."""
        for drain in self.drains:
            await drain()
        await super().on_stop()

    async def on_shutdown(self) -> None:
        """Close the resources after everything that uses them has stopped."""
        await super().on_shutdown()
        await self._resources.aclose()

    def on_webserver_init(self, web: Any) -> None:
        """Add the routes once; Faust's command line calls this twice, first before anything is open."""
        if self._opened and web.web_app is not self._served:
            self._served = web.web_app
            self.web_setup(web.web_app)

    def not_ready(self) -> list[str]:
        """Why this role is not ready, one reason a line; empty when it is."""
        reasons = [] if self._up else ["starting"]
        if not self.producer_only:
            if not cast(TableManager, self.tables).recovery.completed.is_set():
                reasons.append("tables are recovering")
            if self.rebalancing:
                reasons.append("rebalancing")
            if self._up and not self.consumer.assignment():
                reasons.append("no partitions assigned yet")
        return [f"{self.role}: {reason}" for reason in reasons + [r for more in self.not_ready_reasons for r in more()]]


def _options(settings: Settings, role: str) -> dict[str, Any]:
    """Faust settings; each differs from Faust's default for a reason that `docs/architecture.md` gives."""
    return {
        "broker": settings.broker,
        "broker_credentials": credentials(settings),
        "store": settings.table_store,
        "datadir": str(settings.data_dir / "tables" / role),
        "Topic": Topic,
        "autodiscover": False,
        "key_serializer": "raw",
        "value_serializer": "raw",
        "topic_partitions": settings.partitions,
        "topic_replication_factor": settings.replication_factor,
        "topic_disable_leader": True,
        "table_standby_replicas": 0,
        "stream_buffer_maxsize": 64,
        "stream_wait_empty": False,
        "stream_ack_cancelled_tasks": False,
        "broker_client_id": client_id(role),
        "broker_session_timeout": settings.session_timeout_s,
        "broker_rebalance_timeout": settings.session_timeout_s,
        "broker_heartbeat_interval": settings.session_timeout_s / 4,
        "broker_request_timeout": settings.session_timeout_s * 2.5,
        "broker_commit_interval": 0.5,
        "consumer_auto_offset_reset": "earliest",
        "producer_request_timeout": 30.0,
        "producer_linger": 0.0,
        "web_bind": settings.web_host,
        "web_host": settings.web_host,
        "web_ssl_context": tls(settings),
        "web_application_options": {"handler_args": HANDLER_ARGS},
        "web_tables_enabled": False,
        "web_router_enabled": False,
    }


def raw_topic(app: faust.App, name: str) -> TopicT:
    """A topic whose keys and values stay bytes: what cannot be decoded must reach our own code, not Faust's."""
    return app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
