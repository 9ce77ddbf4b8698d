"""How GraphQL travels: GET for queries, POST with JSON, and WebSockets with `graphql-transport-ws`."""

import logging
import weakref
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
from aiohttp import WSCloseCode, web
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from strawberry.aiohttp.views import GraphQLView
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLRequestData
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.unset import UNSET, UnsetType

from streamapp.access.callers import NOBODY, origins
from streamapp.errors import Forbidden, StreamappError
from streamapp.web.answers import dumps
from streamapp.web.auth import CALLER, DOOR, require
from streamapp.web.graphql.connection import Protocol, Socket
from streamapp.web.graphql.context import Context, Services
from streamapp.web.graphql.faults import retry_after_s, shown
from streamapp.web.graphql.loaders import Loaders
from streamapp.web.graphql.schema import schema
from streamapp.web.inputs import json_body
from streamapp.web.requests import one_line, request_id

log = logging.getLogger(__name__)

#: A connection that does not begin, or answer a ping, within this time in seconds is closed.
BEGIN_S, PING_S = 10.0, 15.0
#: Operations of one connection at the same time, and the largest message that it takes, in bytes.
MAX_OPERATIONS, MAX_MESSAGE_BYTES = 10, 256 * 1024

REFUSALS = {400: web.HTTPBadRequest, 404: web.HTTPNotFound}


class View(GraphQLView[Context, None]):
    """The handler of `/graphql`."""

    graphql_transport_ws_handler_class = Protocol
    websocket_adapter_class = Socket

    def __init__(self, services: Services) -> None:
        super().__init__(
            schema(),
            graphql_ide="graphiql",
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=timedelta(seconds=BEGIN_S),
            max_subscriptions_per_connection=MAX_OPERATIONS,
        )
        self._services = services
        self._origins = origins(services.api.settings)
        self._open: weakref.WeakSet[web.WebSocketResponse] = weakref.WeakSet()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer a request; what is wrong with it as such is refused as a problem document."""
        if not self.is_websocket_request(request):  # one says later whose it is: see `on_ws_connect`
            require(request, "read")
        if request.method == "POST":
            await json_body(request)
        try:
            return await self.run(request=request)
        except HTTPException as error:
            raise REFUSALS[error.status_code](text=error.reason) from None

    async def get_context(self, request: web.Request, response: web.StreamResponse) -> Context:
        """What the resolvers work with."""
        return Context(self._services, request, Loaders(self._services.api))

    async def render_graphql_ide(self, request: web.Request) -> web.Response:
        """Lead a browser that asks nothing to the page."""
        raise web.HTTPSeeOther("/graphiql")

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Find out whose a connection is, from its headers or from what it begins with; others are closed."""
        request, said = context.request, context.connection_params.get("Authorization")
        try:
            if DOOR in request and request[CALLER] is NOBODY:
                await request[DOOR].open(request, said if isinstance(said, str) else "")
            require(request, "read")
        except StreamappError as error:
            log.info("request %s: a connection was refused: %s", request_id(request), one_line(str(error)))
            raise ConnectionRejectionError from error
        return UNSET

    async def execute_single(
        self,
        request: web.Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: web.Response,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """Execute an operation. One that could not begin has status 400, as GraphQL over HTTP wants it;
        `Retry-After` is there where a part of it has failed for now.
        """
        result = await super().execute_single(request, request_adapter, sub_response, context, root_value, request_data)
        result.errors = [shown(error, context) for error in result.errors or []]  # also of what fails before resolvers
        if result.data is None and all(error.path is None for error in result.errors):
            sub_response.set_status(400)
        if later_s := retry_after_s(result.errors):
            sub_response.headers["Retry-After"] = str(later_s)
        return result

    async def create_websocket_response(self, request: web.Request, subprotocol: str | None) -> web.WebSocketResponse:
        """Accept a connection, unless a browser opens it for a page of somebody else's."""
        origin = request.headers.get("Origin")
        if origin is not None and origin not in self._origins and urlsplit(origin).netloc != request.host:
            raise Forbidden(f"pages of {origin[:100]} may not open a connection here")
        protocols = [subprotocol] if subprotocol else []
        socket = web.WebSocketResponse(protocols=protocols, heartbeat=PING_S, max_msg_size=MAX_MESSAGE_BYTES)
        await socket.prepare(request)
        self._open.add(socket)
        return socket

    def parse_json(self, data: str | bytes) -> Any:
        """A body, or a parameter that is JSON: an object, or a list of them, which is refused later."""
        parsed = super().parse_json(data)
        if not isinstance(parsed, dict | list):
            raise HTTPException(400, "the body and its variables are JSON objects")
        return parsed

    def decode_json(self, data: str | bytes) -> object:
        """From JSON; refuses what is no UTF-8, and what is nested so deeply that it could only do harm."""
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        """As JSON."""
        return dumps(data).decode()

    async def close(self) -> None:
        """Close the connections: the server stops, and would wait for them."""
        for socket in list(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the server stops")
