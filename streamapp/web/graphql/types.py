"""What is answered about images. Resolvers return the platform's models; `root` is the one that a field is of."""

import strawberry

from streamapp import records
from streamapp.storage.views import ImageFacts
from streamapp.web.answers import image_url
from streamapp.web.graphql.context import Info
from streamapp.web.graphql.kinds import as_kind, field, of
from streamapp.web.graphql.limits import price

#: Models that usually take part, and the classes that a prediction lists.
MODELS, BEST = 3, 10


@strawberry.type(description="A class and its probability.")
class ClassShare:
    """A class and its probability."""

    label: str
    probability: float


@of(records.Prediction, without=("top_k", "amends"))
class Prediction:
    """One model's answer for one image."""

    @field(size=BEST)
    def top_k(self, root: records.Prediction) -> list[ClassShare]:
        """The ten best classes, best first."""
        return [ClassShare(label=label, probability=probability) for label, probability in root.top_k]

    @field()
    async def image(self, root: records.Prediction, info: Info) -> "Image | None":
        """The image; null where it is not stored."""
        return await info.context.loaders.images.load(root.image_id)


@of(records.Verdict, without=("predictions",))
class Verdict:
    """What the models of one race say together."""

    @field()
    async def image(self, root: records.Verdict, info: Info) -> "Image | None":
        """The image; null where it is not stored."""
        return await info.context.loaders.images.load(root.image_id)

    @field(size=MODELS)
    async def predictions(self, root: records.Verdict, info: Info) -> list[Prediction]:
        """What each model says."""
        return as_kind(root.predictions) or await info.context.loaders.predictions.load(root.image_id)


@of(ImageFacts)
class Image:
    """An accepted image. `label` is a person's newest label, else the one that came along."""

    @field()
    def thumbnail_url(self, root: ImageFacts) -> str:
        """Where a small picture of it is."""
        return image_url(root.image_id, "thumbnail")

    @field()
    def original_url(self, root: ImageFacts) -> str:
        """Where its bytes are."""
        return image_url(root.image_id, "original")

    @field(size=MODELS)
    async def predictions(self, root: ImageFacts, info: Info) -> list[Prediction]:
        """What each model says."""
        return await info.context.loaders.predictions.load(root.image_id)

    @field()
    async def verdict(self, root: ImageFacts, info: Info) -> Verdict | None:
        """What they say together; null until the first has answered."""
        return await info.context.loaders.verdicts.load(root.image_id)


@strawberry.type(description="A page of images, newest first; `next` is `before` of the next page, null at the end.")
class ImagePage:
    """A page of images."""

    images: list[Image] = strawberry.field(metadata=price(1))  # its page is priced by `limit`
    next: str | None


@strawberry.type(
    description="A page of predictions, newest first; `next` is `before` of the next page, null at the end."
)
class PredictionPage:
    """A page of predictions."""

    predictions: list[Prediction] = strawberry.field(metadata=price(1))  # its page is priced by `limit`
    next: str | None
