"""What arrives at the door: every file of an upload is accepted, or refused with its reason."""

import asyncio
from collections import defaultdict
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from streamapp.errors import ImageRejected, PublishFailed, RowRefused, StoreUnavailable
from streamapp.ingest.accept import accept
from streamapp.ingest.check import too_large
from streamapp.web.answers import image_url, json_answer
from streamapp.web.auth import CALLER
from streamapp.web.context import ApiContext
from streamapp.web.forms import Form, Room, UploadedFile
from streamapp.web.inputs import Input
from streamapp.web.problems import Problem, count_failure, of_error
from streamapp.web.repeats import Repeats, Request
from streamapp.web.requests import say_refused
from streamapp.web.uploads import read_form

#: Files of one request that are accepted at the same time.
AT_ONCE = 8


class UploadQuery(Input):
    """How an upload is taken."""

    dedupe: bool = Field(False, description="A picture of the last hour is answered with the image that it is already.")


class UploadHeaders(Input):
    """The request's own name."""

    key: str | None = Field(
        None,
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,255}$",
        description="A request that is sent again with its key is given the answer that it has already.",
    )


class Accepted(BaseModel):
    """A file that is an image now; `duplicate`: it was one already."""

    image_id: UUID
    url: str
    filename: str
    duplicate: bool


class Rejected(BaseModel):
    """A file that was refused, and why."""

    filename: str
    status: int
    title: str
    detail: str


class Uploaded(BaseModel):
    """What became of the files of an upload."""

    images: list[Accepted]
    rejected: list[Rejected]


class Taken(NamedTuple):
    """A file that is an image now, or was one already."""

    image_id: UUID
    duplicate: bool = False


@dataclass
class Batch:
    """The files of one request. Once a store or the broker was away, the rest is refused without waiting for it too.

    With `dedupe` a picture that is known is no new image; `again` is the request that has an idempotency key.
    """

    form: Form
    dedupe: bool = False
    again: Request | None = None
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    pictures: defaultdict[bytes, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    outage: Problem | None = None


class Intake:
    """The upload handler on a context."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._repeats = Repeats(context.cache)
        self._room = Room()

    async def upload(self, request: web.Request, query: UploadQuery, headers: UploadHeaders) -> web.StreamResponse:
        """Upload images.

        Accepts every file of a form: 202 as soon as one is safe on its way, else the first refusal; 200 where every one
        of them is known. A request that has its key's answer already is given that.
        """
        with self._room.form() as form:
            await self._read(request, form)
            if headers.key is None:
                return await self._answer(Batch(form, query.dedupe))
            return await self._once(f"{request[CALLER].name} {headers.key}", form, query.dedupe)

    async def _once(self, key: str, form: Form, dedupe: bool) -> web.Response:
        """The answer of the request with this key, whether it is the first one or not."""
        again = await self._repeats.begin(key, form)
        if (known := again.answer()) is not None:
            return known
        batch = Batch(form, dedupe, again)
        answer = await self._answer(batch)
        if batch.outage is None:
            await self._repeats.finish(key, again, answer)
        return answer

    async def _answer(self, batch: Batch) -> web.Response:
        files = batch.form.files
        results = await asyncio.gather(*[self._accept(number, file, batch) for number, file in enumerate(files)])
        pairs = list(zip(files, results, strict=True))
        taken = [(file, image) for file, image in pairs if isinstance(image, Taken)]
        refused = [(file, problem) for file, problem in pairs if isinstance(problem, Problem)]
        rejected = [_rejected(file, problem) for file, problem in refused]
        for file, problem in refused if len(files) > 1 else []:
            say_refused(file.filename, f"{problem.name}: {problem.detail}")
        if taken:
            status = 200 if all(image.duplicate for _, image in taken) else 202
            return json_answer(Uploaded(images=[_shown(*pair) for pair in taken], rejected=rejected), status=status)
        first = refused[0][1]
        more = {"rejected": rejected} if len(rejected) > 1 else {}
        return Problem(first.status, first.name, first.title, first.detail, more).answer()

    async def _read(self, request: web.Request, form: Form) -> None:
        try:
            await read_form(request, form)
        except web.HTTPServiceUnavailable:
            raise
        except web.HTTPException:
            self._context.metrics.images_rejected.labels("bad-request").inc()
            raise

    async def _accept(self, number: int, file: UploadedFile, batch: Batch) -> Taken | Problem:
        """The image of one file, or what is wrong with it (or with us)."""
        try:
            if file.data is None:
                raise too_large()
            # the same picture again in this form waits for the first, which is known then
            async with batch.slots, batch.pictures[file.data] if batch.dedupe else nullcontext():
                if batch.outage is not None:
                    return batch.outage
                known = await self._repeats.picture(file.data, batch.form.label) if batch.dedupe else None
                return Taken(known, duplicate=True) if known else await self._new(number, file.data, batch)
        except (ImageRejected, StoreUnavailable, PublishFailed, RowRefused) as error:
            problem = of_error(error)
            assert problem is not None, "each of these has its entry in problems.KINDS"
            count_failure(error, self._context.metrics)
            if isinstance(error, StoreUnavailable | PublishFailed):
                batch.outage = problem
            if isinstance(error, ImageRejected):
                self._context.metrics.images_rejected.labels(problem.name).inc()
            return problem

    async def _new(self, number: int, data: bytes, batch: Batch) -> Taken:
        """The image that is made of a file's bytes; raises what `accept` raises."""
        context, form = self._context, batch.form
        image = await accept(
            data,
            db=context.db,
            objects=context.objects,
            cache=context.cache,
            publish=context.publish,
            source=form.source,
            camera_id=form.camera_id,
            label=form.label,
            inline_max_bytes=context.settings.inline_max_bytes,
            identity=batch.again.identity(number) if batch.again else None,
        )
        context.marks.add(image.image_id)
        context.metrics.images_accepted.labels(image.source).inc()
        await self._repeats.remember(image)
        return Taken(image.image_id)


def _shown(file: UploadedFile, image: Taken) -> Accepted:
    url = image_url(image.image_id)
    return Accepted(image_id=image.image_id, url=url, filename=file.filename, duplicate=image.duplicate)


def _rejected(file: UploadedFile, problem: Problem) -> Rejected:
    return Rejected(filename=file.filename, status=problem.status, title=problem.title, detail=problem.detail)
