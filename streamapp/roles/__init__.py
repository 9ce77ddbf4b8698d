"""What each role adds to its Faust app: resources, agents, routes."""

import agents
from streamapp.errors import SettingsError
from streamapp.records import names
from streamapp.settings import Settings

#: Roles that every installation has, beside one for each model.
SERVICES = ("stats", "recorder", "api")


def all_roles(settings: Settings) -> list[str]:
    """Every role of this installation: the models that take part, then the services.

    Raises:
        ModelError: a file in `agents/` cannot be used.
    """
    return [*agents.specs(settings.models, settings.weights), *SERVICES]


def chosen_roles(settings: Settings) -> list[str]:
    """The roles of this process: those of STREAMAPP_ROLES, where a model may be said as `mobilenet@int8`; else all.

    Raises:
        SettingsError: there is no such role.
        ModelError: a file in `agents/` cannot be used.
    """
    there = all_roles(settings)
    wanted = [role.replace("@", "-") for role in names(settings.roles)] or there
    for role in wanted:
        if role not in there:
            raise SettingsError(f"STREAMAPP_ROLES: no role {role!r}; there are {', '.join(there)}")
    return wanted
