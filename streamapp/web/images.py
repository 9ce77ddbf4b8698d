"""Images: list, one with its predictions and verdict, thumbnail and original."""

from functools import partial
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from streamapp.ingest.accept import cache_key
from streamapp.records import Prediction, Source, Verdict
from streamapp.storage.listing import ImageFilter
from streamapp.storage.views import ImageFacts, ImageView, StoredImage
from streamapp.web import downloads, newest, thumbnails
from streamapp.web.answers import image_url, not_found
from streamapp.web.context import ApiContext
from streamapp.web.cursors import Timed, cut
from streamapp.web.inputs import Input, Text
from streamapp.web.intake import Intake, Uploaded
from streamapp.web.operations import Operation
from streamapp.web.uploads import UploadForm


class ImagePath(Input):
    """Which image."""

    noun = "image"
    id: UUID


class ImageQuery(Timed):
    """Which images, and which page of them."""

    source: Source | None = None
    camera: Text | None = Field(None, description="Its `camera_id`.")
    label: Text | None = Field(None, description="The class that it is said to be.")
    consensus: Text | None = Field(None, description="The class that most models say.")
    disagreement: float | None = Field(None, ge=0, le=1, description="The least disagreement of the models.")
    labelled: bool | None = Field(None, description="Whether it has a label.")
    q: Annotated[Text, Field(min_length=1)] | None = Field(
        None, description="What its id, source, camera, label or consensus begins with, in upper or lower case."
    )

    @property
    def filter(self) -> ImageFilter:
        """As the database has it."""
        return ImageFilter(
            self.source, self.camera, self.label, self.consensus, self.disagreement, self.labelled, self.q
        )


#: What a picture is answered with: whole, a part of it, or that the caller has it.
PARTS = (200, 206, 304)


class Part(Input):
    """What the caller has already, and which bytes they want."""

    if_none_match: str | None = Field(None, alias="If-None-Match")
    range: str | None = Field(None, alias="Range", examples=["bytes=0-1023"])
    if_range: str | None = Field(None, alias="If-Range")


class ShownImage(ImageFacts):
    """An accepted image and where its pictures are."""

    thumbnail_url: str
    original_url: str


class ImageAnswer(BaseModel):
    """An image, what the models made of it, and the verdict; `verdict.predictions` is empty."""

    image: ShownImage
    predictions: list[Prediction]
    verdict: Verdict | None


class ImagePage(BaseModel):
    """A page of images, newest first; `next` is the cursor of the next page, if there is one."""

    images: list[ImageAnswer]
    next: str | None


def operations(context: ApiContext) -> list[Operation]:
    """The operations of this noun."""
    images, upload = Images(context), Intake(context).upload
    return [
        Operation("POST", "/images", upload, scope="write", statuses=(202, 200), form=UploadForm, answer=Uploaded),
        Operation("GET", "/images", images.recent),
        Operation("GET", "/images/{id}", images.one),
        Operation(
            "GET", "/images/{id}/thumbnail", images.thumbnail, statuses=(200, 206, 304), content_type="image/webp"
        ),
        Operation("GET", "/images/{id}/original", images.original, statuses=(200, 206, 304), content_type="image/*"),
    ]


class Images:
    """Handlers on a context."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def recent(self, query: ImageQuery) -> ImagePage:
        """Images, newest first."""
        views = await self._context.db.recent_images(query.limit + 1, query.span, query.filter)
        shown, more = cut(views, query.limit, lambda view: view.image.cursor)
        return ImagePage(images=[self._shown(view) for view in shown], next=more)

    async def one(self, path: ImagePath) -> ImageAnswer:
        """An image with its predictions and verdict."""
        return self._shown(await self._view(path))

    async def thumbnail(self, request: web.Request, path: ImagePath, headers: Part) -> web.StreamResponse:
        """A small WebP of the image; made once, then kept in the cache."""
        context, image_id = self._context, path.id
        etag = f"{image_id}-{thumbnails.SIDE}"
        if (known := downloads.not_modified(request, etag)) is not None:
            return known
        key = thumbnails.cache_key(image_id)
        data = await context.cache.get(key)
        if data is None:
            original = await context.cache.get(cache_key(image_id))
            if original is None:
                original = await context.objects.get((await self._view(path)).image.minio_path)
            data = await thumbnails.make(original)
            await context.cache.put(key, data, thumbnails.CACHE_TTL_S)
        return await downloads.send(request, downloads.picture(data, "image/webp", etag))

    async def original(self, request: web.Request, path: ImagePath, headers: Part) -> web.StreamResponse:
        """The bytes as they were uploaded, or a part of them, to be saved and not shown."""
        image, objects = (await self._view(path)).image, self._context.objects
        size = image.size_bytes or len(await objects.get(image.minio_path))
        name = image.minio_path.rpartition("/")[2]
        open_part = partial(objects.open, image.minio_path)
        return await downloads.send(request, downloads.File(name, image.sha256, size, image.content_type, open_part))

    async def _view(self, path: ImagePath) -> ImageView:
        view = await self._context.db.image(path.id)
        if view is None:
            raise not_found(path.noun, path.id)
        return view

    def _shown(self, view: ImageView) -> ImageAnswer:
        """An image as the API shows it: the newest of what the topics and the database say."""
        live = self._context.live.verdict(view.image.image_id)
        return ImageAnswer(
            image=_image(view.image),
            predictions=newest.predictions(view.predictions, live),
            verdict=newest.verdict(view.verdict, live),
        )


def _image(image: StoredImage) -> ShownImage:
    links = {f"{part}_url": image_url(image.image_id, part) for part in ("thumbnail", "original")}
    return ShownImage.model_validate({**dict(image), **links})
