"""The state of the broker, the stores and the workers."""

import agents
from streamapp.system import Meter, System
from streamapp.web.context import ApiContext
from streamapp.web.operations import Operation


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""
    models = list(agents.specs(context.settings.models, context.settings.weights))
    meter = Meter(context.settings, models, context.db, context.cache)

    async def state() -> System:
        """The servers: messages a second and lags, sizes, hit rate, and the workers that are there.

        The first answer takes a second, over which its rates are.
        """
        return await meter.read()

    return [Operation("GET", "/system", state)]
