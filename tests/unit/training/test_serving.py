"""Which pictures int8 is calibrated with when models are measured."""

from pathlib import Path

import pytest

from streamapp.settings import Settings
from training.serving import _calibrating


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    for name in ("tests/test/cat", "both/train/cat", "both/test/cat", "flat/cat"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.jpg").write_bytes(b"")
    return {name: tmp_path / name for name in ("tests", "both", "flat")}


def test_it_is_never_a_place_of_test_pictures_alone(places: dict[str, Path]) -> None:
    tests, both, flat = places.values()

    def data(given: str, *measured: Path) -> str:
        return _calibrating(Settings(data=given), measured).data

    assert data("", tests, both) == str(both)
    assert data("", flat) == str(flat)
    assert data(str(both), tests) == str(both), "the settings' own"
    assert data(str(tests), tests) == "", "Keras' pictures, since these are what it is measured with"
