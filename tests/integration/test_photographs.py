"""Ordinary photographs: the bundled models see them as they see the 32-pixel pictures that they were trained with."""

from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import agents
from streamapp.runtime import load
from streamapp.runtime.prepare import prepare
from streamapp.runtime.preprocess import decode
from streamapp.runtime.spec import Model, ModelSpec
from streamapp.runtime.weights import BUNDLED, exact
from streamapp.settings import Settings
from tests.support.stack import share_models

FILES = sorted(BUNDLED.glob("*.weights.h5"))
#: A photograph, and what it shows where that is one of the classes.
PHOTOGRAPHS = {"chelsea.png": "cat", "coffee.png": None, "rocket.jpg": None}


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.name)
def spec(request: pytest.FixtureRequest, settings: Settings) -> ModelSpec:
    return exact(agents.specs()[request.param.name.removesuffix(".weights.h5")], settings)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    data_dir = tmp_path_factory.mktemp("data")
    share_models(data_dir)
    return Settings(data_dir=data_dir)


@pytest.fixture(scope="module")
def model(spec: ModelSpec, settings: Settings) -> Model:
    prepare(settings, [spec])
    return load(spec, settings)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_photograph_is_seen_as_its_small_copy_is(
    name: str, model: Model, spec: ModelSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    found = find_spec("skimage")
    assert found and found.origin
    whole = (Path(found.origin).parent / "data" / name).read_bytes()
    buffer = BytesIO()
    Image.open(BytesIO(whole)).convert("RGB").resize((32, 32), Image.Resampling.BICUBIC).save(buffer, "PNG")
    seen, expected = (
        model.predict(decode(data, spec.input_size, spec.detail)[None])[0] for data in (whole, buffer.getvalue())
    )
    says = spec.labels[int(seen.argmax())]
    with capsys.disabled():
        print(f"\n{spec.name}, {name}: {says} {seen.max():.0%}, its 32-pixel copy: {expected.max():.0%}")
    assert seen.argmax() == expected.argmax()
    assert np.abs(seen - expected).max() < 0.15
    assert says == (PHOTOGRAPHS[name] or says)
