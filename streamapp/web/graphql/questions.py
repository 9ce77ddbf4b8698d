"""What can be asked."""

from enum import Enum
from uuid import UUID

import strawberry

from streamapp.storage.batches import Batches
from streamapp.storage.views import Cursor
from streamapp.web.cursors import cut
from streamapp.web.graphql.arguments import ImageWhere, PredictionWhere, checked
from streamapp.web.graphql.context import Info
from streamapp.web.graphql.figures import Ledger, Model, Stats
from streamapp.web.graphql.kinds import as_kind, field
from streamapp.web.graphql.types import Image, ImagePage, Prediction, PredictionPage
from streamapp.web.images import ImageQuery
from streamapp.web.ledger import Names
from streamapp.web.predictions import PredictionQuery
from streamapp.web.stats import Stats as Figures

#: The ledger reads whole tables; see `limits`.
LEDGER_COST = 5_000


@strawberry.enum(description="Over which time.")
class Window(Enum):
    """Over which time, as `live.WINDOWS` names it."""

    LAST_1M = "1m"
    LAST_5M = "5m"
    LAST_15M = "15m"


@strawberry.type(description="What can be asked.")
class Query:
    """What can be asked; a field is null where it failed, and leaves the others as they are."""

    @field()
    async def image(self, info: Info, id: UUID) -> Image | None:
        """An image; null where it is unknown."""
        return await info.context.loaders.images.load(id)

    @field(size="limit")
    async def images(
        self, info: Info, limit: int = 50, before: str | None = None, where: ImageWhere | None = None
    ) -> ImagePage | None:
        """Images, newest first."""
        query = checked(ImageQuery, {"limit": limit, "before": before}, where)
        found = await Batches(info.context.api.db).page(query.limit + 1, query.span, query.filter)
        shown, more = cut(found, query.limit, lambda image: image.cursor)
        return ImagePage(images=as_kind(shown), next=more)

    @field()
    async def prediction(self, info: Info, id: UUID) -> Prediction | None:
        """A prediction, of whichever run; null where it is unknown."""
        return as_kind(info.context.api.live.prediction(id) or await info.context.api.db.prediction(id))

    @field(size="limit")
    async def predictions(
        self, info: Info, limit: int = 50, before: str | None = None, where: PredictionWhere | None = None
    ) -> PredictionPage | None:
        """Stored predictions, newest first; live ones, unless `where` names the run of a replay."""
        query = checked(PredictionQuery, {"limit": limit, "before": before}, where)
        found = await info.context.api.db.recent_predictions(query.limit + 1, query.span, query.filter)
        shown, more = cut(found, query.limit, lambda one: Cursor(one.timestamp, one.prediction_id))
        return PredictionPage(predictions=as_kind(shown), next=more)

    @field()
    async def models(self, info: Info) -> list[Model]:
        """The models that serve now, by name."""
        roster = info.context.api.live.roster
        return as_kind([shown for name in roster.newest() if (shown := roster.shown(name))])

    @field()
    async def stats(self, info: Info, window: Window = Window.LAST_1M) -> Stats | None:
        """The figures of each model over the last minutes."""
        figures = info.context.api.live.figures(window.value)
        return as_kind(Figures.model_validate({**figures, "dedupe": await info.context.services.repeats.figures()}))

    @field(base=LEDGER_COST)
    async def ledger(self, info: Info, missing: int = 20) -> Ledger | None:
        """What every model owes an outcome for, and what it has; names so many images that each model misses."""
        return as_kind(await info.context.services.ledger.read(checked(Names, {"missing": missing}).missing))
