"""What the API's handlers work with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property

from streamapp.access.tokens import Tokens
from streamapp.ingest.accept import Publish
from streamapp.ingest.marks import PublishedMarks
from streamapp.metrics import Metrics
from streamapp.records import LabelMessage
from streamapp.resend import Message
from streamapp.serving import ReloadOrder
from streamapp.settings import Settings
from streamapp.storage.cache import Cache
from streamapp.storage.objects import ObjectStore
from streamapp.storage.postgres import Database
from streamapp.web.live import LiveView


@dataclass(frozen=True)
class ApiContext:
    """Stores, broker and live view of the API role; made once, before its web server starts.

    `publish`, `order`, `label` and `send` return when the broker has an image, an order, a label or a message that was
    sent before, and raise PublishFailed when it has not.
    """

    settings: Settings
    db: Database
    objects: ObjectStore
    cache: Cache
    publish: Publish
    order: Callable[[ReloadOrder], Awaitable[None]]
    label: Callable[[LabelMessage], Awaitable[None]]
    send: Callable[[Message], Awaitable[None]]
    live: LiveView
    metrics: Metrics

    @cached_property
    def tokens(self) -> Tokens | None:
        """What checks signed tokens, if they are set up; blocks while it reads the keys, and raises SettingsError."""
        return Tokens.of(self.settings)

    @cached_property
    def marks(self) -> PublishedMarks:
        """Where images are noted that the broker has."""
        return PublishedMarks(self.db)
