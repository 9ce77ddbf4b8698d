"""Every route of the REST API, and its description."""

from aiohttp import web

from streamapp.access.callers import guarded
from streamapp.web import (
    alerts,
    dead_letters,
    docs,
    events,
    history,
    images,
    labels,
    ledger,
    models,
    predictions,
    stats,
    system,
    verdicts,
    versions,
)
from streamapp.web.context import ApiContext
from streamapp.web.operations import Operation

NOUNS = (
    *(images, labels, predictions, verdicts, stats, history, versions, models, events),
    *(ledger, dead_letters, alerts, system),
)


def operations(context: ApiContext) -> list[Operation]:
    """The operations of all nouns."""
    return [operation for noun in NOUNS for operation in noun.operations(context)]


def routes(context: ApiContext) -> list[web.RouteDef]:
    """Their routes, `/openapi.json` and `/docs`."""
    found = operations(context)
    return [operation.route() for operation in found] + docs.routes(found, guarded=guarded(context.settings))
