"""Predictions: listed, and each by its own id."""

from uuid import UUID

from pydantic import BaseModel, Field

from streamapp.records import LIVE, Prediction
from streamapp.storage.listing import PredictionFilter
from streamapp.storage.views import Cursor
from streamapp.web.answers import not_found
from streamapp.web.context import ApiContext
from streamapp.web.cursors import Timed, cut
from streamapp.web.inputs import Input, Text
from streamapp.web.operations import Operation


class PredictionPath(Input):
    """Which prediction."""

    noun = "prediction"
    id: UUID


class PredictionQuery(Timed):
    """Which predictions, and which page of them."""

    model: Text | None = None
    prediction: Text | None = Field(None, description="The class that was predicted.")
    confidence: float | None = Field(None, ge=0, le=1, description="The least confidence.")
    run: Text = Field(LIVE, description="`live`, or the id of a replay.")

    @property
    def filter(self) -> PredictionFilter:
        """As the database has it."""
        return PredictionFilter(self.model, self.prediction, self.confidence, self.run)


class Predictions(BaseModel):
    """A page of predictions, newest first; `next` is the cursor of the next page, if there is one."""

    predictions: list[Prediction]
    next: str | None


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""

    async def one(path: PredictionPath) -> Prediction:
        """A prediction, of whichever run."""
        found = context.live.prediction(path.id) or await context.db.prediction(path.id)
        if found is None:
            raise not_found(path.noun, path.id)
        return found

    async def recent(query: PredictionQuery) -> Predictions:
        """Stored predictions, newest first."""
        found = await context.db.recent_predictions(query.limit + 1, query.span, query.filter)
        shown, more = cut(found, query.limit, lambda one: Cursor(one.timestamp, one.prediction_id))
        return Predictions(predictions=shown, next=more)

    return [Operation("GET", "/predictions", recent), Operation("GET", "/predictions/{id}", one)]
