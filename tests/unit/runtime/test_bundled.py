"""The weights that come with the project: whole, small enough, the default, and told in words beside them."""

import json
from pathlib import Path
from typing import Any

import pytest

import agents
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import BUNDLED, resolve
from streamapp.settings import Settings

MOST_BYTES_EACH, MOST_BYTES = 50e6, 64e6
FILES = sorted(BUNDLED.glob("*.weights.h5"))


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def spec(request: pytest.FixtureRequest) -> ModelSpec:
    return agents.specs()[request.param.name.removesuffix(".weights.h5")]


def facts(spec: ModelSpec) -> dict[str, Any]:
    return dict(json.loads((BUNDLED / f"{spec.name}.json").read_text()))


def test_they_are_the_default_of_their_model(spec: ModelSpec, tmp_path: Path) -> None:
    weights = resolve(spec, Settings(data_dir=tmp_path))
    assert weights.trained
    assert weights.version.startswith("cifar10-")
    assert weights.path == BUNDLED / f"{spec.name}.weights.h5"
    assert weights.digest == facts(spec)["sha256"], "the facts beside them are those of other weights"
    assert weights.recipe["labels"] == list(spec.labels)


def test_they_are_there_and_small() -> None:
    sizes = [path.stat().st_size for path in FILES]
    assert {path.name.removesuffix(".weights.h5") for path in FILES} == {"efficientnet", "mobilenet", "resnet50"}
    assert max(sizes) < MOST_BYTES_EACH
    assert sum(sizes) <= MOST_BYTES


def test_what_is_known_of_them_is_told_in_words(spec: ModelSpec) -> None:
    known, text = facts(spec), (BUNDLED / "README.md").read_text()
    test, (low, high) = known["test"], known["test"]["interval_95"]
    assert test["pictures"] == 8_000
    assert f"{test['accuracy']:.2%} ({low:.2%} to {high:.2%})" in text
    assert known["command"] in text
    assert known["data_fingerprint"] in text
    assert known["sha256"][:12] in text
    assert "/" not in "".join(known["recipe"]["data"]), "paths of one machine"
