"""What the child process makes, and in which order."""

from dataclasses import replace
from pathlib import Path

import pytest

from streamapp.runtime import cache
from streamapp.runtime.convert import _steps
from streamapp.runtime.spec import ModelSpec
from streamapp.settings import Settings

TINY = ModelSpec("tiny", "TinyCNN", weights="fresh")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def steps(specs: list[ModelSpec], settings: Settings) -> list[tuple[str, str]]:
    return [(step.name, step.run_by(settings)[1]) for step in _steps(specs, settings)]


def test_models_that_share_their_files_are_converted_once(settings: Settings) -> None:
    assert steps([TINY, TINY.at("bf16"), replace(TINY, name="twin")], settings) == [("tiny", "f32")]


def test_int8_is_made_from_the_same_model_in_f32(settings: Settings) -> None:
    assert steps([TINY.at("int8")], settings) == [("tiny-int8", "f32"), ("tiny-int8", "int8")]
    assert steps([TINY, TINY.at("int8")], settings) == [("tiny", "f32"), ("tiny-int8", "int8")]
    with cache.exclusive(settings, pytest.fail):
        cache.store(TINY, settings, lambda folder: ((folder / cache.IR).write_text(""), 0.0))
    assert steps([TINY, TINY.at("int8")], settings) == [("tiny-int8", "int8")]


def test_a_precision_of_the_settings_counts(settings: Settings) -> None:
    chosen = settings.model_copy(update={"precision": "int8"})
    assert steps([TINY], chosen) == [("tiny", "f32"), ("tiny", "int8")]
