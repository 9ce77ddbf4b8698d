"""The alerts in PostgreSQL: what is open, what was, and since when each camera is silent."""

from typing import Literal

from pydantic import AwareDatetime, computed_field

from streamapp.storage.postgres import Database
from streamapp.storage.queries import ALERTS
from streamapp.storage.views import View

State = Literal["firing", "resolved"]


class Alert(View):
    """An alert. `value` is the figure when it fired, `resolved_value` the one when it was over, if there was one."""

    id: int
    rule: str
    subject: str
    text: str
    value: float
    limit: float
    fired_at: AwareDatetime
    resolved_at: AwareDatetime | None
    resolved_value: float | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def state(self) -> State:
        """Whether it is open."""
        return "firing" if self.resolved_at is None else "resolved"

    @property
    def key(self) -> tuple[str, str]:
        """What there is at most one open alert of."""
        return self.rule, self.subject


class AlertStore:
    """The alerts of a database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def fire(self, rule: str, subject: str, text: str, value: float, limit: float) -> Alert | None:
        """Open an alert; None where it is open already: then somebody else has seen it first."""
        async with self._db.connection() as connection:
            row = await connection.fetchrow(ALERTS["fire"], rule, subject, text, value, limit)
        return Alert.model_validate(dict(row)) if row else None

    async def resolve(self, rule: str, subject: str, value: float | None) -> Alert | None:
        """Close an alert; None where it is not open."""
        async with self._db.connection() as connection:
            row = await connection.fetchrow(ALERTS["resolve"], rule, subject, value)
        return Alert.model_validate(dict(row)) if row else None

    async def open(self) -> list[Alert]:
        """Those that are open, oldest first."""
        async with self._db.connection() as connection:
            rows = await connection.fetch(ALERTS["open"])
        return [Alert.model_validate(dict(row)) for row in rows]

    async def newest_changes(self, limit: int) -> list[Alert]:
        """Those that fired or were resolved last, the last one first."""
        async with self._db.connection() as connection:
            rows = await connection.fetch(ALERTS["newest_changes"], limit)
        return [Alert.model_validate(dict(row)) for row in rows]

    async def page(self, state: State | None, rule: str | None, limit: int, before: int | None = None) -> list[Alert]:
        """Alerts with an id below `before`, newest first."""
        is_open = None if state is None else state == "firing"
        async with self._db.connection() as connection:
            rows = await connection.fetch(ALERTS["page"], is_open, rule, before, limit)
        return [Alert.model_validate(dict(row)) for row in rows]

    async def camera_silence(self, forget_s: float, limit: int) -> dict[str, float]:
        """Seconds since the last image of each camera, without those that have been silent for `forget_s`."""
        async with self._db.connection() as connection:
            rows = await connection.fetch(ALERTS["camera_silence"], float(forget_s), limit)
        return {row["camera_id"]: row["silent_s"] for row in rows}
