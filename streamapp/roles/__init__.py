"""What each role adds to its Faust app: resources, agents, routes."""

import agents
from streamapp.settings import Settings

#: Roles that every installation has, beside one for each model.
SERVICES = ("stats", "recorder", "api")


def all_roles(settings: Settings) -> list[str]:
    """Every role of this installation: the models that take part, then the services.

    Raises:
        ModelError: a file in `agents/` cannot be used.
    """
    return [*agents.specs(settings.models, settings.weights), *SERVICES]
