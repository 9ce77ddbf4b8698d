"""What can be done: the same as by REST, by the same code."""

from uuid import UUID

import strawberry

from streamapp.access.callers import Scope
from streamapp.web.auth import DOOR, require
from streamapp.web.dead_letters import LetterPath, SettleOne
from streamapp.web.graphql.arguments import checked
from streamapp.web.graphql.context import Info
from streamapp.web.graphql.figures import DeadLetter, LabelResult, Withdrawn
from streamapp.web.graphql.kinds import Count, as_kind, field
from streamapp.web.images import ImagePath
from streamapp.web.labels import By, ImageLabels, result, said_by, withdrawn


@strawberry.input(description="The right class of an image.")
class ImageLabel:
    """The right class of an image."""

    image_id: UUID
    label: str


@strawberry.type(description="What can be done.")
class Mutation:
    """What can be done; what fails is null, and undoes nothing of what was done before."""

    @field(size="labels")
    async def label_images(self, info: Info, labels: list[ImageLabel], by: str = "api") -> list[LabelResult] | None:
        """Label up to 1,000 images; each has a result of its own, and what is refused stops none of the others.

        Needs the scope `label`.
        """
        await _allow(info, "label", "labelImages")
        given = [{"image_id": each.image_id, "label": each.label} for each in labels]
        wanted = checked(ImageLabels, {"labels": given, "by": by})
        pairs = [(each.image_id, each.label) for each in wanted.labels]
        found = await info.context.services.labeller.give(pairs, said_by(info.context.request, wanted))
        return as_kind([result(given) for given in found])

    @field()
    async def withdraw_label(self, info: Info, image_id: UUID, by: str = "api") -> Withdrawn | None:
        """Take back the label that was given to an image; the one that it came with counts again, if it has one.

        Needs the scope `label`.
        """
        await _allow(info, "label", "withdrawLabel")
        path, who = checked(ImagePath, {"id": image_id}), checked(By, {"by": by})
        return as_kind(await withdrawn(info.context.services.labeller, path, said_by(info.context.request, who)))

    @field()
    async def retry_dead_letter(self, info: Info, id: Count, dry_run: bool = False) -> DeadLetter | None:
        """Send a dead letter's message again to the group that failed, or only say whether it could be done.

        Needs the scope `admin`.
        """
        await _allow(info, "admin", "retryDeadLetter")
        path, how = checked(LetterPath, {"id": id}), checked(SettleOne, {"dry_run": dry_run})
        return as_kind((await info.context.services.letters.retry(path, how)).content)


async def _allow(info: Info, scope: Scope, what: str) -> None:
    """See that the caller may do this, and has not done too much of it."""
    request = info.context.request
    require(request, scope, what)
    if DOOR in request:
        await request[DOOR].change(request)
