"""What can be followed: verdicts as they come, from where the event stream has them too."""

from collections.abc import AsyncGenerator

import strawberry

from streamapp import records
from streamapp.errors import ReaderTooSlow, Unauthorized
from streamapp.storage.listing import VerdictFilter
from streamapp.web.auth import Stay
from streamapp.web.graphql.arguments import VerdictWhere, checked
from streamapp.web.graphql.context import Info
from streamapp.web.graphql.kinds import as_kind
from streamapp.web.graphql.types import Verdict
from streamapp.web.verdicts import VerdictQuery


@strawberry.type(description="What can be followed.")
class Subscription:
    """What can be followed."""

    @strawberry.subscription(description="Verdicts from now on, as they come; amended ones come again.")
    async def verdicts(self, info: Info, where: VerdictWhere | None = None) -> AsyncGenerator[Verdict, None]:
        """Verdicts from now on, until the caller leaves, falls too far behind, or has a key that is good no more."""
        which = checked(VerdictQuery, {}, where).filter
        reader, stay = info.context.api.live.subscribe(), Stay(info.context.request)
        try:
            async for event in reader:
                if await stay.is_over():
                    raise Unauthorized("the key or token that this connection began with is not good any more")
                if event.name == "verdict" and fits(verdict := records.Verdict.decode(event.data), which):
                    yield as_kind(verdict)
            if reader.dropped:
                raise ReaderTooSlow("this reader fell too far behind and was left; subscribe again")
        finally:
            reader.end()


def fits(verdict: records.Verdict, which: VerdictFilter) -> bool:
    """Whether it is one of those, as the database would find it."""
    wanted = (which.source, which.camera_id, which.consensus, which.complete)
    has = (verdict.source, verdict.camera_id, verdict.consensus, verdict.complete)
    same = all(want is None or want == have for want, have in zip(wanted, has, strict=True))
    return same and (which.disagreement is None or verdict.disagreement >= which.disagreement)
