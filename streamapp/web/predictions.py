"""Predictions, each by its own id."""

from aiohttp import web

from streamapp.web.answers import API, identifier, json_answer, not_found
from streamapp.web.context import ApiContext


def routes(context: ApiContext) -> list[web.RouteDef]:
    """The routes of this noun."""

    async def one(request: web.Request) -> web.StreamResponse:
        prediction_id = identifier(request, "prediction")
        prediction = context.live.prediction(prediction_id) or await context.db.prediction(prediction_id)
        if prediction is None:
            raise not_found("prediction", prediction_id)
        return json_answer(prediction)

    return [web.get(f"{API}/predictions/{{id}}", one)]
