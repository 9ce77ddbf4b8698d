"""Images: list, one with its predictions and verdict, thumbnail and original."""

from typing import Any

from aiohttp import web

from streamapp.ingest.accept import cache_key
from streamapp.storage.views import ImageView, StoredImage
from streamapp.web import thumbnails
from streamapp.web.answers import API, identifier, image_url, json_answer, not_found
from streamapp.web.context import ApiContext
from streamapp.web.cursors import cursor_text, page
from streamapp.web.intake import Intake


def routes(context: ApiContext) -> list[web.RouteDef]:
    """The routes of this noun."""
    images = Images(context)
    return [
        web.post(f"{API}/images", Intake(context).upload),
        web.get(f"{API}/images", images.recent),
        web.get(f"{API}/images/{{id}}", images.one),
        web.get(f"{API}/images/{{id}}/thumbnail", images.thumbnail),
        web.get(f"{API}/images/{{id}}/original", images.original),
    ]


class Images:
    """Handlers on a context."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

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


def _file(data: bytes, content_type: str, etag: str) -> web.Response:
    """An image file; images never change under their id."""
    headers = {
        "ETag": etag,
        "Cache-Control": "private, max-age=86400, immutable",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=data, content_type=content_type, headers=headers)
