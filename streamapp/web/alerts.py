"""Alerts: what is wrong now, and what was."""

from pydantic import BaseModel, Field

from streamapp.alerts.rules import RULES, RuleName, limits, windows
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


class Rule(BaseModel):
    """When an alert of one kind fires."""

    rule: RuleName
    on: bool
    limit: float = Field(description="A share, milliseconds, messages or seconds, as its figures are; 0: it is off.")
    window_s: int | None = Field(description="The images of so many seconds are looked at; null: what is now.")


class Rules(BaseModel):
    """Every rule, and what they share."""

    rules: list[Rule]
    every_s: float = Field(description="How often they are looked at; 0: never.")
    hold_s: float = Field(description="How long a figure must be bad, or good again, before it counts.")
    min_images: int = Field(description="Fewer images than these say nothing about a rate.")


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""
    store = AlertStore(context.db)

    async def page(query: AlertQuery) -> Alerts:
        """Alerts, newest first; those that are open, or are over, or of one rule, where that is asked for."""
        found = await store.page(query.state, query.rule, query.limit + 1, query.before)
        shown = found[: query.limit]
        return Alerts(alerts=shown, next=shown[-1].id if len(found) > query.limit else None)

    async def rules() -> Rules:
        """The rules, as they are set."""
        settings = context.settings
        limit, window, looked_at = limits(settings), windows(settings), settings.alert_every_s > 0
        found = [
            Rule(rule=rule, on=looked_at and limit[rule] > 0, limit=limit[rule], window_s=window.get(rule))
            for rule in RULES
        ]
        shared = {name: getattr(settings, f"alert_{name}") for name in ("every_s", "hold_s", "min_images")}
        return Rules(rules=found, **shared)

    return [Operation("GET", "/alerts", page), Operation("GET", "/alerts/rules", rules)]
