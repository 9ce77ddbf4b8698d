"""Pictures to calibrate int8 with: which ones, and what is said where there are none."""

import random
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from streamapp.errors import ModelError, SourceError
from streamapp.ingest.produce import cifar10
from streamapp.ingest.produce.cifar10 import DataSet
from streamapp.ingest.produce.client import Picture
from streamapp.runtime.calibration import COUNT, FEWEST, calibration
from streamapp.runtime.preprocess import decode
from streamapp.runtime.spec import ModelSpec
from streamapp.settings import Settings

SPEC = ModelSpec("tiny-int8", "TinyCNN", input_size=48, precision="int8")


def picture(number: int) -> bytes:
    """A picture of one colour that says its number."""
    file = BytesIO()
    Image.new("RGB", (40, 40), (number % 256, number // 256, 7)).save(file, "PNG")
    return file.getvalue()


def numbers(pixels: np.ndarray) -> list[int]:
    return [int(image[0, 0, 0]) + 256 * int(image[0, 0, 1]) for image in pixels]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """500 pictures to train with, 100 to test, and a file that is no picture."""
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as target:
        for number in range(600):
            target.writestr(f"{'train' if number < 500 else 'test'}/cat/{number}.png", picture(number))
        target.writestr("train/cat/notes.txt", b"no picture")
    return path


def test_always_the_same_pictures_of_the_part_to_train_with(archive: Path) -> None:
    found = calibration(SPEC, Settings(data=str(archive)))
    assert (found.pixels.shape, found.pixels.dtype, found.source) == ((COUNT, 48, 48, 3), np.uint8, "data.zip")
    chosen = numbers(found.pixels)
    assert len(set(chosen)) == COUNT
    assert max(chosen) < 500
    random.seed(1)
    assert numbers(calibration(SPEC, Settings(data=str(archive))).pixels) == chosen


def test_they_are_seen_as_the_model_sees_pictures_that_come_in(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    for number in range(FEWEST):
        Image.fromarray(noise).save(tmp_path / f"{number}.png")
    data = (tmp_path / "0.png").read_bytes()
    for detail in (32, None):
        spec = ModelSpec("pets", "TinyCNN", 48, ("cat", "dog"), detail=detail)
        pixels = calibration(spec, Settings(data=str(tmp_path))).pixels
        assert pixels.shape == (FEWEST, 48, 48, 3)
        assert (pixels[0] == decode(data, 48, detail)).all()


def test_without_data_they_are_those_of_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def from_keras(split: str) -> DataSet:
        asked.append(split)
        return DataSet(1000, lambda index: Picture(picture(index), f"{index}.png"))

    monkeypatch.setattr(cifar10, "from_keras", from_keras)
    found = calibration(SPEC, Settings())
    assert (asked, found.pixels.shape, found.source) == (["train"], (COUNT, 48, 48, 3), "Keras' CIFAR-10")
    assert len(set(numbers(found.pixels))) == COUNT


def fails(spec: ModelSpec, settings: Settings) -> str:
    with pytest.raises(ModelError, match=f"model {spec.name!r}: int8 needs pictures .*STREAMAPP_DATA") as caught:
        calibration(spec, settings)
    return str(caught.value)


def test_where_there_are_none_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(split: str) -> DataSet:
        raise SourceError("CIFAR-10 cannot be downloaded")

    monkeypatch.setattr(cifar10, "from_keras", nowhere)
    assert "CIFAR-10 cannot be downloaded" in fails(SPEC, Settings())
    pets = ModelSpec("pets", "TinyCNN", labels=("cat", "dog"))
    assert "its classes are not those of CIFAR-10" in fails(pets, Settings())
    assert f"{tmp_path}/x is neither a folder nor a zip" in fails(SPEC, Settings(data=str(tmp_path / "x")))


def test_a_few_pictures_or_a_damaged_one_are_refused(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path))
    for number in range(FEWEST - 1):
        (tmp_path / f"{number}.png").write_bytes(picture(number))
    assert f"holds 49 pictures (.jpg, .png, .webp), and {FEWEST} are needed" in fails(SPEC, settings)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    assert "cannot be decoded" in fails(SPEC, settings)
