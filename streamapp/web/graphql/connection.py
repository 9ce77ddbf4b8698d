"""Connections with the sub-protocol `graphql-transport-ws`: every message is looked at before anything reads it."""

from typing import Any

from graphql import GraphQLError
from strawberry.aiohttp.views import AiohttpWebSocketAdapter
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import SubscribeMessage

from streamapp.errors import StreamappError
from streamapp.web.auth import DOOR
from streamapp.web.graphql.context import Context
from streamapp.web.graphql.faults import shown

#: A close frame holds no more bytes of a reason.
REASON_BYTES = 120


class Socket(AiohttpWebSocketAdapter):
    """A WebSocket whose messages are looked at before anything reads them."""

    async def close(self, code: int, reason: str) -> None:
        """Close it, with as much of the reason as there is room for."""
        await super().close(code, reason.encode()[:REASON_BYTES].decode(errors="ignore"))


class Protocol(BaseGraphQLTransportWSHandler[Context, None]):
    """The sub-protocol; messages of another form close the connection."""

    async def handle_message(self, message: Any) -> None:
        """Handle a message that may be anything that JSON can say."""
        if is_message(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("the message is not as graphql-transport-ws has it")

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Begin an operation, which counts as a request of its own."""
        request = self.context.request
        try:
            if DOOR in request and self.connection_acknowledged:
                await request[DOOR].ask_again(request)
        except StreamappError as error:
            payload = [shown(GraphQLError(str(error), original_error=error), self.context).formatted]
            await self.send_message({"id": message["id"], "type": "error", "payload": payload})
        else:
            await super().handle_subscribe(message)


def is_message(message: object) -> bool:
    """Whether its fields are of the kinds that they should be."""
    if not isinstance(message, dict) or not isinstance(message.get("id", ""), str):
        return False
    if message.get("type") != "subscribe":
        return isinstance(message.get("type"), str)
    payload = message.get("payload")
    return (
        isinstance(payload, dict)
        and isinstance(payload.get("query"), str)
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
    )
