"""What the models made of one image, as a race keeps it."""

from dataclasses import dataclass

from streamapp.records import DeadLetter, Prediction, Shed, Source
from tables.buckets import bucket_start


@dataclass(slots=True)
class Answer:
    """A model's first prediction, at its offset."""

    offset: int
    prediction: Prediction


@dataclass(slots=True)
class Dead:
    """A model has no answer for the image: the offset of the message that says so, and the bucket of its time.

    It has given the image up, or, a frame of a camera that is `shed`, left it out. `source`, `camera_id` and `label`
    are those that the image came with; it was `age_s` seconds old then.
    """

    offset: int
    start: int
    shed: bool = False
    camera_id: str | None = None
    source: Source = "upload"
    label: str | None = None
    age_s: float = 0

    @classmethod
    def of_letter(cls, letter: DeadLetter, offset: int) -> "Dead":
        """A model has given up; of an image whose message is not in its letter as a whole, little is known."""
        dead = cls(offset, bucket_start(letter.timestamp))
        if image := letter.image():
            dead.source, dead.camera_id, dead.label = image.source, image.camera_id, image.label
            dead.age_s = (letter.timestamp - image.timestamp).total_seconds()
        return dead

    @classmethod
    def of_shed(cls, shed: Shed, offset: int) -> "Dead":
        """A model has left a frame out."""
        start, age_s = bucket_start(shed.timestamp), shed.age_ms / 1000
        return cls(offset, start, True, shed.camera_id, shed.source, age_s=age_s)
