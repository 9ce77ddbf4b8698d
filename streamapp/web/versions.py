"""The versions of a model in the registry, making another one the champion, and which version answered since when."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from streamapp.errors import ModelError, RegistryUnavailable
from streamapp.models.promotion import promote_apart
from streamapp.records import now
from streamapp.runtime.registry import Reference, missing, registered_name
from streamapp.runtime.spec import Accuracy
from streamapp.runtime.stores import tracking_uri
from streamapp.runtime.versions import Registered, registered
from streamapp.serving import ReloadOrder
from streamapp.storage import history
from streamapp.storage.history import Change
from streamapp.threads import in_thread
from streamapp.web.answers import API
from streamapp.web.context import ApiContext
from streamapp.web.inputs import Input, Moment, Text
from streamapp.web.models import ModelPath
from streamapp.web.operations import Operation, Reply
from streamapp.web.requests import request_id
from streamapp.web.roster import Roster

#: Changes are told of so long a time at most.
LONGEST = timedelta(days=31)
USUAL = timedelta(days=1)


class ShownVersion(BaseModel):
    """A version of a registered model."""

    version: str = Field(description="Its number.")
    registered_at: AwareDatetime
    aliases: list[str] = Field(description="`champion` serves where weights are `models:/NAME@champion`.")
    accuracy: Accuracy | None = Field(description="What training measured on its test pictures, where that is noted.")
    sha256: str = Field(description="Hash of the weights; empty where nobody noted it.")
    run_id: str = Field(description="The run of MLflow that made it; empty where none did.")
    served_by: list[str] = Field(description="The models whose workers serve it now.")


class Versions(BaseModel):
    """The versions of a registered model, newest first."""

    model: str
    registered: str = Field(description="Its name in the registry.")
    versions: list[ShownVersion]


class Promotion(Input):
    """Which version shall be the champion."""

    version: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}$")]


class Promoted(BaseModel):
    """The champion now. Each of `models` was told to change over to it; its `last_reload` has the id when it has."""

    model_config = ConfigDict(protected_namespaces=())

    model: str
    registered: str
    version: str
    before: str | None = Field(description="The champion until now.")
    models: list[str] = Field(description="Those that serve versions of it; none where all have other weights.")
    request_id: str


class ChangesQuery(Input):
    """Of which time, and of which model."""

    since: Moment | None = Field(None, description="A day before `until`, if it is left out.")
    until: Moment | None = Field(None, description="Now, if it is left out.")
    model: Text | None = None

    def span(self, present: datetime) -> tuple[datetime, datetime]:
        """Beginning and end; never more than `LONGEST`, of which the end is kept."""
        until = self.until or present
        since = self.since or _before(until, USUAL)
        return max(since, _before(until, LONGEST)), until


class Changes(BaseModel):
    """When other versions began to answer, newest first; of more than 31 days the last 31, as `since` says."""

    since: AwareDatetime
    until: AwareDatetime
    changes: list[Change]


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""
    versions = ModelVersions(context)
    return [
        Operation("GET", "/models/changes", versions.changes),
        Operation("GET", "/models/{name}/versions", versions.every),
        Operation("POST", "/models/{name}/promote", versions.promote, scope="admin", statuses=(202,)),
    ]


class ModelVersions:
    """Handlers on a context."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._turn = asyncio.Lock()

    async def every(self, path: ModelPath) -> Versions:
        """The versions of a model in the registry: when they were made, how good they are, which one serves."""
        name = self._registered(path)
        found = await self._versions(name)
        roster = self._context.live.roster
        return Versions(model=path.name, registered=name, versions=[_shown(each, roster) for each in found])

    async def promote(self, request: web.Request, path: ModelPath, body: Promotion) -> Reply[Promoted]:
        """Make a version the champion, and tell the workers to change over; an earlier one too, which is going back.

        The champion until now keeps the alias `previous`.
        """
        name, number, by = self._registered(path), int(body.version), request_id(request)
        async with self._turn:
            if number not in [each.version.number for each in await self._versions(name)]:
                raise missing(Reference(name, number=number), tracking_uri(self._context.settings.data_dir))
            before = await self._promote(name, number)
        newest = self._context.live.roster.newest()
        models = [model for model, state in newest.items() if registered_name(state.weights) == name]
        for model in models:
            order = ReloadOrder(model=model, by=f"api {request.remote}", request_id=by, timestamp=now())
            await self._context.order(order)
        said = Promoted(
            model=path.name,
            registered=name,
            version=body.version,
            before=str(before) if before else None,
            models=models,
            request_id=by,
        )
        return Reply(said, 202, {"Location": f"{API}/models/{path.name}/versions"})

    async def changes(self, query: ChangesQuery) -> Changes:
        """When other versions of each model began to answer, from the answers that are stored."""
        since, until = query.span(now())
        found = await history.changes(self._context.db, since, until, query.model)
        return Changes(since=since, until=until, changes=found)

    async def _promote(self, name: str, number: int) -> int | None:
        try:
            return await in_thread("promote", promote_apart, name, number, self._context.settings)
        except RegistryUnavailable:
            raise
        except ModelError as error:  # it was there a moment ago
            raise web.HTTPConflict(text=str(error)) from error

    def _registered(self, path: ModelPath) -> str:
        """The name in the registry: that of the weights which a model serves, else the name itself."""
        state = self._context.live.roster.newest().get(path.name)
        return (registered_name(state.weights) if state else "") or path.name

    async def _versions(self, name: str) -> list[Registered]:
        return await in_thread("versions", registered, name, self._context.settings)


def _shown(each: Registered, roster: Roster) -> ShownVersion:
    return ShownVersion(
        version=str(each.version.number),
        registered_at=each.created,
        aliases=list(each.aliases),
        accuracy=each.accuracy,
        sha256=each.version.digest,
        run_id=each.run_id,
        served_by=[model for model, state in roster.newest().items() if state.weights == each.version.uri],
    )


def _before(moment: datetime, time: timedelta) -> datetime:
    """So long before a moment, as far as there is time."""
    first = datetime.min.replace(tzinfo=UTC)
    return moment - time if moment - first > time else first
