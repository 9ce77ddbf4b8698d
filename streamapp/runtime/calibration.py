"""Pictures to calibrate int8 with: seeing them, a model shows in which range the numbers inside it lie."""

import random
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from streamapp.errors import ModelError, SourceError, UndecodableImage
from streamapp.files import PICTURES, open_place
from streamapp.runtime.preprocess import decode
from streamapp.runtime.spec import CIFAR10, ModelSpec
from streamapp.settings import Settings

#: How many are taken, and how few are too few; which of them, the seed says.
COUNT, FEWEST = 300, 50
SEED = 20091204


@dataclass(frozen=True)
class Calibration:
    """`pixels` are uint8 RGB [N, size, size, 3] as the model takes them, `source` says where they are from."""

    pixels: npt.NDArray[np.uint8]
    source: str


def calibration(spec: ModelSpec, settings: Settings) -> Calibration:
    """The pictures for a model: of STREAMAPP_DATA, those of its part `train` if it has one, else Keras' CIFAR-10.

    Raises:
        ModelError: there are none, too few, or one that cannot be decoded.
    """
    try:
        encoded, source = _from_files(Path(settings.data)) if settings.data else _from_keras(spec)
        return Calibration(np.stack([decode(data, spec.input_size, spec.detail) for data in encoded]), source)
    except (SourceError, UndecodableImage) as error:
        raise ModelError(
            f"model {spec.name!r}: int8 needs pictures to be calibrated with, and STREAMAPP_DATA says which: {error}"
        ) from error


def _from_files(place: Path) -> tuple[list[bytes], str]:
    names, read = open_place(place)
    paths = [path for name in names if (path := PurePosixPath(name)).suffix.lower() in PICTURES]
    paths = [path for path in paths if "train" in path.parts[:-1]] or paths
    if len(paths) < FEWEST:
        raise SourceError(f"{place} holds {len(paths)} pictures (.jpg, .png, .webp), and {FEWEST} are needed")
    chosen = random.Random(SEED).sample(paths, min(COUNT, len(paths)))
    try:
        return [read(str(path)) for path in chosen], place.name
    except OSError as error:
        raise SourceError(f"{place} cannot be read: {error}") from error


def _from_keras(spec: ModelSpec) -> tuple[list[bytes], str]:
    if set(spec.labels) != set(CIFAR10):
        raise SourceError("its classes are not those of CIFAR-10, which Keras has")
    from streamapp.ingest.produce import cifar10

    pictures = cifar10.from_keras("train").pictures(COUNT, SEED)
    return [picture.data for picture in pictures], "Keras' CIFAR-10"
