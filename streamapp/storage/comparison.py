"""What the models made of the same images: agreement, confusion and calibration, counted in PostgreSQL."""

from collections import defaultdict
from datetime import datetime

from pydantic import Field

from streamapp.storage.postgres import Database
from streamapp.storage.queries import HISTORY
from streamapp.storage.views import View

#: The newest answers that are compared at most, of all models together: a second or two of the database's time.
MOST_ANSWERS = 300_000
#: Pairs of classes in a confusion matrix at most: those that come most often.
MOST_PAIRS = 1000


class Agreement(View):
    """Of the `images` that two models answered, on how many they say the same."""

    model: str
    other: str
    images: int
    same: int


class Confusion(View):
    """How many images of the class `label` a model took for `prediction`."""

    label: str
    prediction: str
    images: int


class CalibrationBin(View):
    """The answers whose confidence is in the same tenth: how many, how many of them right, their mean confidence."""

    answers: int
    correct: int
    confidence: float


class ModelComparison(View):
    """What one model with trained weights made of the images that have a label."""

    model: str
    confusion: list[Confusion] = Field(description=f"At most {MOST_PAIRS}: the pairs that come most often.")
    calibration: list[CalibrationBin] = Field(description="By confidence; tenths without an answer are left out.")


class Comparison(View):
    """What all models made of `images`. `sampled`: there were more, and these are the newest."""

    images: int
    sampled: bool
    agreement: list[Agreement]
    models: list[ModelComparison]


async def compare(db: Database, begin: datetime, end: datetime, most: int = MOST_ANSWERS) -> Comparison:
    """The newest answers from `begin` to before `end`, `most` at most, of the live run.

    Raises:
        StoreUnavailable: PostgreSQL does not answer, or there is too much for one statement's time.
    """
    async with db.connection() as connection:
        rows = await connection.fetch(HISTORY["comparison"], begin, end, most, MOST_PAIRS)
    confusion, bins = defaultdict[str, list[Confusion]](list), defaultdict[str, list[CalibrationBin]](list)
    agreement, answers, images = list[Agreement](), 0, 0
    for kind, model, one, other, count, part, confidence in rows:
        match kind:
            case "all":
                answers, images = count, part
            case "agreement":
                agreement.append(Agreement(model=model, other=other, images=count, same=part))
            case "confusion":
                confusion[model].append(Confusion(label=one, prediction=other, images=count))
            case "calibration":
                bins[model].append(CalibrationBin(answers=count, correct=part, confidence=confidence))
    models = [ModelComparison(model=each, confusion=confusion[each], calibration=bins[each]) for each in sorted(bins)]
    return Comparison(images=images, sampled=answers >= most, agreement=agreement, models=models)
