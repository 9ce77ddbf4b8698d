"""Labels: the right class of an image, given by a person or a program after it came."""

from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field

from streamapp.access.callers import ANYBODY
from streamapp.web.answers import not_found
from streamapp.web.auth import CALLER
from streamapp.web.context import ApiContext
from streamapp.web.images import ImagePath
from streamapp.web.inputs import Input
from streamapp.web.labelling import Given, Labeller
from streamapp.web.operations import Operation

MOST = 1000

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class By(Input):
    """Who says so."""

    by: Name = Field("api", description="Left aside where callers have keys: then it is the key's name.")


class Label(By):
    """The right class of an image."""

    label: Name


class ImageLabel(Input):
    """The right class of one of several images."""

    image_id: UUID
    label: Name


class ImageLabels(By):
    """The right classes of several images."""

    labels: list[ImageLabel] = Field(min_length=1, max_length=MOST)


class LabelAnswer(BaseModel):
    """The label that an image has now; `changed`: it had another one, or none."""

    image_id: UUID
    label: str
    by: str
    timestamp: AwareDatetime
    changed: bool


class LabelResult(BaseModel):
    """What became of one label: status 200 with the label, or 404 or 422 with what is wrong."""

    image_id: UUID
    status: int
    label: LabelAnswer | None
    detail: str | None


class LabelResults(BaseModel):
    """One result for each label that was sent, in their order, and how many images have another label now."""

    results: list[LabelResult]
    changed: int


class Withdrawn(BaseModel):
    """An image whose given label is taken back; `changed`: it had one."""

    image_id: UUID
    changed: bool


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""
    labeller = Labeller(context)

    async def one(request: web.Request, path: ImagePath, body: Label) -> LabelAnswer:
        """Label an image.

        The label counts at once, in place of an earlier one, and the live accuracy follows. The same label again
        changes nothing.
        """
        [given] = await labeller.give([(path.id, body.label)], said_by(request, body))
        if given.status == 404:
            raise web.HTTPNotFound(text=given.problem)
        if given.status == 422:
            raise web.HTTPUnprocessableEntity(text=given.problem)
        return _label(given)

    async def several(request: web.Request, body: ImageLabels) -> LabelResults:
        """Label up to 1,000 images; each has a result of its own, and what is refused stops none of the others."""
        wanted = [(each.image_id, each.label) for each in body.labels]
        found = await labeller.give(wanted, said_by(request, body))
        return LabelResults(results=[result(given) for given in found], changed=sum(given.changed for given in found))

    async def withdraw(request: web.Request, path: ImagePath, query: By) -> Withdrawn:
        """Take back the label that was given to an image.

        The one that the image came with counts again, if it has one, and the live accuracy follows. Where no label
        was given, nothing changes.
        """
        return await withdrawn(labeller, path, said_by(request, query))

    return [
        Operation("POST", "/images/{id}/label", one, scope="label"),
        Operation("DELETE", "/images/{id}/label", withdraw, scope="label"),
        Operation("POST", "/labels", several, scope="label"),
    ]


def said_by(request: web.Request, body: By) -> str:
    """Who gives a label: the caller, where callers must say who they are; else whoever the body says."""
    caller = request.get(CALLER, ANYBODY)
    return body.by if caller is ANYBODY else caller.name[:200]


async def withdrawn(labeller: Labeller, path: ImagePath, by: str) -> Withdrawn:
    """Take back the label that was given to an image; raises HTTPNotFound where there is no such image."""
    changed = await labeller.withdraw(path.id, by)
    if changed is None:
        raise not_found(path.noun, path.id)
    return Withdrawn(image_id=path.id, changed=changed)


def _label(given: Given) -> LabelAnswer:
    assert given.label is not None, "a status of 200 has its label"
    return LabelAnswer(**dict(given.label), changed=given.changed)


def result(given: Given) -> LabelResult:
    """What became of a label, for whoever asked for it."""
    label = _label(given) if given.label else None
    return LabelResult(image_id=given.image_id, status=given.status, label=label, detail=given.problem or None)
