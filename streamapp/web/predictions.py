"""Predictions, each by its own id."""

from uuid import UUID

from streamapp.records import Prediction
from streamapp.web.answers import not_found
from streamapp.web.context import ApiContext
from streamapp.web.inputs import Input
from streamapp.web.operations import Operation


class PredictionPath(Input):
    """Which prediction."""

    noun = "prediction"
    id: UUID


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""

    async def one(path: PredictionPath) -> Prediction:
        """A prediction, of whichever run."""
        found = context.live.prediction(path.id) or await context.db.prediction(path.id)
        if found is None:
            raise not_found(path.noun, path.id)
        return found

    return [Operation("GET", "/predictions/{id}", one)]
