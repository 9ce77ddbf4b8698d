"""What arrives at the door: every file of an upload is accepted, or refused with its reason."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from streamapp.errors import ImageRejected, PublishFailed, RowRefused, StoreUnavailable
from streamapp.ingest.accept import accept
from streamapp.ingest.check import too_large
from streamapp.records import ImageMessage
from streamapp.web.answers import image_url, json_answer
from streamapp.web.context import ApiContext
from streamapp.web.problems import Problem, count_failure, of_error
from streamapp.web.uploads import Form, UploadedFile, read_form

#: Files of one request that are accepted at the same time.
AT_ONCE = 8


@dataclass
class Batch:
    """The files of one request. Once a store or the broker was away, the rest is refused without waiting for it too."""

    form: Form
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    outage: Problem | None = None


class Intake:
    """The upload handler on a context."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Accept every file of a form: 202 as soon as one is safe on its way, else the first refusal."""
        form = await self._form(request)
        batch = Batch(form)
        results = await asyncio.gather(*[self._accept(file, batch) for file in form.files])
        pairs = list(zip(form.files, results, strict=True))
        accepted = [_accepted(file, image) for file, image in pairs if isinstance(image, ImageMessage)]
        refused = [(file, problem) for file, problem in pairs if isinstance(problem, Problem)]
        rejected = [_rejected(file, problem) for file, problem in refused]
        if accepted:
            return json_answer({"images": accepted, "rejected": rejected}, status=202)
        first = refused[0][1]
        more = {"rejected": rejected} if len(rejected) > 1 else {}
        return Problem(first.status, first.name, first.title, first.detail, more).answer()

    async def _form(self, request: web.Request) -> Form:
        try:
            return await read_form(request)
        except web.HTTPException:
            self._context.metrics.images_rejected.labels("bad-request").inc()
            raise

    async def _accept(self, file: UploadedFile, batch: Batch) -> ImageMessage | Problem:
        """The image of one file, or what is wrong with it (or with us)."""
        context, form = self._context, batch.form
        try:
            if file.data is None:
                raise too_large()
            async with batch.slots:
                if batch.outage is not None:
                    return batch.outage
                image = await accept(
                    file.data,
                    db=context.db,
                    objects=context.objects,
                    cache=context.cache,
                    publish=context.publish,
                    source=form.source,
                    camera_id=form.camera_id,
                    label=form.label,
                    inline_max_bytes=context.settings.inline_max_bytes,
                )
        except (ImageRejected, StoreUnavailable, PublishFailed, RowRefused) as error:
            problem = of_error(error)
            assert problem is not None, "each of these has its entry in problems.KINDS"
            count_failure(error, context.metrics)
            if isinstance(error, StoreUnavailable | PublishFailed):
                batch.outage = problem
            if isinstance(error, ImageRejected):
                context.metrics.images_rejected.labels(problem.name).inc()
            return problem
        context.marks.add(image.image_id)
        context.metrics.images_accepted.labels(image.source).inc()
        return image


def _accepted(file: UploadedFile, image: ImageMessage) -> dict[str, Any]:
    return {"image_id": image.image_id, "url": image_url(image.image_id), "filename": file.filename}


def _rejected(file: UploadedFile, problem: Problem) -> dict[str, Any]:
    return {
        "filename": file.filename,
        "status": problem.status,
        "title": problem.title,
        "detail": problem.detail,
    }
