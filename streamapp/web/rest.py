"""Every route of the REST API."""

from aiohttp import web

from streamapp.web import events, images, models, predictions, stats
from streamapp.web.context import ApiContext


def routes(context: ApiContext) -> list[web.RouteDef]:
    """The routes of all nouns."""
    return [route for noun in (images, predictions, stats, models, events) for route in noun.routes(context)]
