"""Every route of the REST API."""

from aiohttp import web

from streamapp.web import alerts, dead_letters, events, images, ledger, models, predictions, stats
from streamapp.web.context import ApiContext

NOUNS = (images, predictions, stats, models, events, ledger, dead_letters, alerts)


def routes(context: ApiContext) -> list[web.RouteDef]:
    """The routes of all nouns."""
    return [route for noun in NOUNS for route in noun.routes(context)]
