"""The models that serve now, as their workers announce them, and the order to look for new versions."""

from aiohttp import web
from pydantic import AwareDatetime, BaseModel

from streamapp.records import now
from streamapp.serving import ReloadOrder
from streamapp.web.answers import API, not_found
from streamapp.web.context import ApiContext
from streamapp.web.inputs import Input, Text
from streamapp.web.operations import Operation, Reply
from streamapp.web.requests import request_id
from streamapp.web.roster import ShownModel


class ModelPath(Input):
    """Which model."""

    noun = "model"
    name: Text


class Models(BaseModel):
    """Every model that serves."""

    models: list[ShownModel]


class Ordered(BaseModel):
    """An order that all workers of the model have been given; the model's `last_reload` has its id when one is done."""

    model: str
    request_id: str
    at: AwareDatetime
    url: str


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""
    roster = context.live.roster

    async def every() -> Models:
        """The models that serve now, by name."""
        return Models(models=[shown for name in roster.newest() if (shown := roster.shown(name))])

    async def one(path: ModelPath) -> ShownModel:
        """A model: its version, its labels and its workers."""
        shown = roster.shown(path.name)
        if shown is None:
            raise not_found(path.noun, path.name)
        return shown

    async def reload(request: web.Request, path: ModelPath) -> Reply[Ordered]:
        """Tell every worker of a model to look for a new version of its weights."""
        await one(path)
        url = f"{API}/models/{path.name}"
        by, number, moment = f"api {request.remote}", request_id(request), now()
        await context.order(ReloadOrder(model=path.name, by=by, request_id=number, timestamp=moment))
        return Reply(Ordered(model=path.name, request_id=number, at=moment, url=url), 202, {"Location": url})

    return [
        Operation("GET", "/models", every),
        Operation("GET", "/models/{name}", one),
        Operation("POST", "/models/{name}/reload", reload, scope="admin", statuses=(202,)),
    ]
