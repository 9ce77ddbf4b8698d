"""What resolvers work with: the API's own context, and the request."""

from dataclasses import dataclass, field
from typing import Any

import strawberry
from aiohttp import web

from streamapp.web.context import ApiContext
from streamapp.web.dead_letters import DeadLetters
from streamapp.web.graphql.loaders import Loaders
from streamapp.web.labelling import Labeller
from streamapp.web.ledger import Reader
from streamapp.web.repeats import Repeats


class Services:
    """What the REST routes do, for resolvers; made once."""

    def __init__(self, api: ApiContext) -> None:
        self.api = api
        self.labeller = Labeller(api)
        self.letters = DeadLetters(api)
        self.ledger = Reader(api)
        self.repeats = Repeats(api.cache)


@dataclass
class Context:
    """One request, or one connection with its operations; `connection_params` is what a WebSocket began with."""

    services: Services
    request: web.Request
    loaders: Loaders
    connection_params: dict[str, Any] = field(default_factory=dict)

    @property
    def api(self) -> ApiContext:
        """The stores, the broker and the live view."""
        return self.services.api


Info = strawberry.Info[Context, None]
