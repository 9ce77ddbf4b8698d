"""What is read from PostgreSQL, typed and ready for JSON (`model_dump(mode="json")`)."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from streamapp.records import ImageMessage, Prediction, Verdict


class Cursor(NamedTuple):
    """Where a page ends: the position of its last image in the list, newest first."""

    timestamp: datetime
    image_id: UUID

    def __str__(self) -> str:
        return f"{self.timestamp.isoformat()}_{self.image_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str(cursor)` wrote.

        Raises:
            ValueError: the text is not a cursor.
        """
        timestamp, _, image_id = text.partition("_")
        cursor = cls(datetime.fromisoformat(timestamp), UUID(image_id))
        if cursor.timestamp.tzinfo is None:
            raise ValueError("the time of a cursor has a time zone")
        return cursor


class View(BaseModel):
    """Something read from the database."""

    model_config = ConfigDict(frozen=True)


class ImageFacts(View):
    """An accepted image. `label` is a person's newest label, else the one that came along."""

    image_id: UUID
    timestamp: AwareDatetime
    source: str
    camera_id: str | None
    label: str | None
    content_type: str
    sha256: str
    width: int | None
    height: int | None
    size_bytes: int | None


class StoredImage(ImageFacts):
    """An accepted image with where its original is, and whether it is `pending` or `published`."""

    minio_path: str
    state: str

    @property
    def cursor(self) -> Cursor:
        """Its position in the list of images."""
        return Cursor(self.timestamp, self.image_id)


class ImageView(View):
    """An image with what the models made of it; `verdict.predictions` is empty, since `predictions` has them."""

    image: StoredImage
    predictions: list[Prediction]
    verdict: Verdict | None


class Counts(View):
    """Numbers of rows: the ledger, live predictions only."""

    accepted: int
    pending: int
    verdicts: int
    labels: int
    dead_letters: int
    outcomes: dict[str, dict[str, int]]


Row = Mapping[str, Any]


def image(row: Row) -> StoredImage:
    """From a row of `labelled_images`."""
    return StoredImage.model_validate(dict(row))


def message(row: Row) -> ImageMessage:
    """The message of an accepted image, from a row of `images`."""
    return ImageMessage.model_validate(dict(row))


def prediction(row: Row) -> Prediction:
    """From a row of `predictions`."""
    return Prediction.model_validate({**row, "top_k": json.loads(row["top_k"])})


def verdict(row: Row) -> Verdict:
    """From a row of `verdicts`."""
    return Verdict.model_validate({**row, **{name: json.loads(row[name]) for name in ("dead", "shed")}})


def outcomes(rows: list[Row]) -> dict[str, dict[str, int]]:
    """Images by model and outcome."""
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        counts.setdefault(row["model"], {})[row["outcome"]] = row["images"]
    return counts
