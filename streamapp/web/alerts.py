"""Alerts: what is wrong now, and what was."""

from pydantic import BaseModel, Field

from streamapp.alerts.rules import RuleName
from streamapp.storage.alerts import Alert, AlertStore, State
from streamapp.web.context import ApiContext
from streamapp.web.inputs import Input
from streamapp.web.operations import Operation

LARGEST_ID = 2**63 - 1


class AlertQuery(Input):
    """Which alerts, and which page of them."""

    state: State | None = None
    rule: RuleName | None = None
    limit: int = Field(50, ge=1, le=200)
    before: int = Field(LARGEST_ID, ge=1, le=LARGEST_ID, description="`next` of the answer before.")


class Alerts(BaseModel):
    """A page of alerts, newest first."""

    alerts: list[Alert]
    next: int | None


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""
    store = AlertStore(context.db)

    async def page(query: AlertQuery) -> Alerts:
        """Alerts, newest first; those that are open, or are over, or of one rule, where that is asked for."""
        found = await store.page(query.state, query.rule, query.limit + 1, query.before)
        shown = found[: query.limit]
        return Alerts(alerts=shown, next=shown[-1].id if len(found) > query.limit else None)

    return [Operation("GET", "/alerts", page)]
