"""Images: upload, list, one with its predictions and verdict, thumbnail and original."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from streamapp.errors import ImageRejected, PublishFailed, RowRefused, StoreUnavailable
from streamapp.ingest.accept import accept, cache_key
from streamapp.ingest.check import too_large
from streamapp.records import ImageMessage
from streamapp.storage.views import ImageView, StoredImage
from streamapp.web import thumbnails
from streamapp.web.answers import API, identifier, image_url, json_answer, not_found
from streamapp.web.context import ApiContext
from streamapp.web.cursors import cursor_text, page
from streamapp.web.problems import Problem, count_failure, of_error
from streamapp.web.uploads import Form, UploadedFile, read_form

#: Files of one request that are accepted at the same time.
AT_ONCE = 8


def routes(context: ApiContext) -> list[web.RouteDef]:
    """The routes of this noun."""
    images = Images(context)
    return [
        web.post(f"{API}/images", images.upload),
        web.get(f"{API}/images", images.recent),
        web.get(f"{API}/images/{{id}}", images.one),
        web.get(f"{API}/images/{{id}}/thumbnail", images.thumbnail),
        web.get(f"{API}/images/{{id}}/original", images.original),
    ]


@dataclass
class Batch:
    """The files of one request. Once a store or the broker was away, the rest is refused without waiting for it too."""

    form: Form
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    outage: Problem | None = None


class Images:
    """Handlers on a context."""

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

    async def recent(self, request: web.Request) -> web.StreamResponse:
        """A page of images, newest first."""
        limit, before = page(request)
        views = await self._context.db.recent_images(limit + 1, before)
        shown = views[:limit]
        more = cursor_text(shown[-1].image.cursor) if len(views) > limit else None
        return json_answer({"images": [self._shown(view) for view in shown], "next": more})

    async def one(self, request: web.Request) -> web.StreamResponse:
        """One image, what the models made of it, and the verdict."""
        return json_answer(self._shown(await self._view(request)))

    async def thumbnail(self, request: web.Request) -> web.StreamResponse:
        """A small WebP of the image; made once, then kept in the cache."""
        context, image_id = self._context, identifier(request, "image")
        etag = f'"{image_id}-{thumbnails.SIDE}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        key = thumbnails.cache_key(image_id)
        data = await context.cache.get(key)
        if data is None:
            original = await context.cache.get(cache_key(image_id))
            if original is None:
                original = await context.objects.get((await self._view(request)).image.minio_path)
            data = await thumbnails.make(original)
            await context.cache.put(key, data, thumbnails.CACHE_TTL_S)
        return _file(data, "image/webp", etag)

    async def original(self, request: web.Request) -> web.StreamResponse:
        """The bytes as they were uploaded, to be saved and not shown."""
        image = (await self._view(request)).image
        etag = f'"{image.sha256}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        answer = _file(await self._context.objects.get(image.minio_path), image.content_type, etag)
        answer.headers["Content-Disposition"] = f'attachment; filename="{image.minio_path.rpartition("/")[2]}"'
        return answer

    async def _view(self, request: web.Request) -> ImageView:
        image_id = identifier(request, "image")
        view = await self._context.db.image(image_id)
        if view is None:
            raise not_found("image", image_id)
        return view

    def _shown(self, view: ImageView) -> dict[str, Any]:
        """An image as the API shows it: the newest of what the topics and the database say."""
        predictions, verdict = view.predictions, view.verdict
        live = self._context.live.verdict(view.image.image_id)
        if live is not None:
            if len(live.predictions) > len(predictions):
                predictions = live.predictions
            if verdict is None or live.answers >= verdict.answers:
                verdict = live.model_copy(update={"predictions": []})
        return {"image": _image(view.image), "predictions": predictions, "verdict": verdict}


def _image(image: StoredImage) -> dict[str, Any]:
    shown = image.model_dump(exclude={"minio_path", "state"})
    links = {f"{part}_url": image_url(image.image_id, part) for part in ("thumbnail", "original")}
    return {**shown, **links}


def _accepted(file: UploadedFile, image: ImageMessage) -> dict[str, Any]:
    return {"image_id": image.image_id, "url": image_url(image.image_id), "filename": file.filename}


def _rejected(file: UploadedFile, problem: Problem) -> dict[str, Any]:
    return {
        "filename": file.filename,
        "status": problem.status,
        "title": problem.title,
        "detail": problem.detail,
    }


def _file(data: bytes, content_type: str, etag: str) -> web.Response:
    """An image file; images never change under their id."""
    headers = {
        "ETag": etag,
        "Cache-Control": "private, max-age=86400, immutable",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=data, content_type=content_type, headers=headers)
