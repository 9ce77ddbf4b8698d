"""Verdicts: what the models of each race said together."""

from pydantic import BaseModel, Field

from streamapp.records import Source, Verdict
from streamapp.storage.listing import VerdictFilter
from streamapp.storage.views import Cursor
from streamapp.web.context import ApiContext
from streamapp.web.cursors import Timed, cut
from streamapp.web.inputs import Text
from streamapp.web.operations import Operation


class VerdictQuery(Timed):
    """Which verdicts, and which page of them."""

    source: Source | None = None
    camera: Text | None = Field(None, description="The `camera_id` of the image.")
    consensus: Text | None = Field(None, description="The class that most models say.")
    disagreement: float | None = Field(None, ge=0, le=1, description="The least disagreement of the models.")
    complete: bool | None = Field(None, description="Whether every model had its outcome in time.")

    @property
    def filter(self) -> VerdictFilter:
        """As the database has it."""
        return VerdictFilter(self.source, self.camera, self.consensus, self.disagreement, self.complete)


class Verdicts(BaseModel):
    """A page of verdicts, newest first, without their predictions; `next` is the cursor of the next page, if any."""

    verdicts: list[Verdict]
    next: str | None


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""

    async def recent(query: VerdictQuery) -> Verdicts:
        """Stored verdicts, newest first."""
        found = await context.db.recent_verdicts(query.limit + 1, query.span, query.filter)
        shown, more = cut(found, query.limit, lambda one: Cursor(one.timestamp, one.image_id))
        return Verdicts(verdicts=shown, next=more)

    return [Operation("GET", "/verdicts", recent)]
