"""The bundled weights, on real pictures: OpenVINO answers as Keras does, and lower precisions cost next to nothing.

Each test prints what it measured, also where it passes.
"""

from dataclasses import replace

import numpy as np
import pytest

import agents
from streamapp.runtime import load
from streamapp.runtime.prepare import prepare
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import exact
from streamapp.settings import Settings
from tests.support.models import TEST, TRAIN, Images, Labels, cifar10, keras_answers
from tests.support.stack import share_models

PICTURES = 4_000
#: How many of them Keras answers too, which takes longer.
COMPARED = 2_000
BATCH = 50
LEAST_AGREEMENT = 0.995
MOST_POINTS = 0.5

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    if not TRAIN.exists():
        pytest.skip(f"the CIFAR-10 pictures are not at {TRAIN}")
    data_dir = tmp_path_factory.mktemp("data")
    share_models(data_dir)
    return Settings(data_dir=data_dir, data=str(TRAIN))


@pytest.fixture(scope="module", params=sorted(agents.specs()))
def spec(request: pytest.FixtureRequest, settings: Settings) -> ModelSpec:
    """A model with its bundled weights."""
    found = exact(agents.specs()[request.param], settings)
    prepare(settings, [found, *(found.at(precision) for precision in ("bf16", "int8"))])
    return found


@pytest.fixture(scope="module")
def pictures(spec: ModelSpec) -> tuple[Images, Labels]:
    """Pictures that it was not trained on, and their classes."""
    return cifar10(TEST, PICTURES, spec.input_size, spec.detail)


@pytest.fixture(scope="module")
def answers(spec: ModelSpec, settings: Settings, pictures: tuple[Images, Labels]) -> np.ndarray:
    """What OpenVINO answers in f32."""
    return answered(replace(spec, precision="f32"), settings, pictures[0], "f32")


def answered(spec: ModelSpec, settings: Settings, images: Images, used: str) -> np.ndarray:
    model = load(spec, settings)
    assert model.info.precision == used
    return np.concatenate([model.predict(part) for part in np.split(images, range(BATCH, len(images), BATCH))])


def accuracy(answers: np.ndarray, labels: Labels) -> float:
    return float((answers.argmax(axis=1) == labels).mean())


def test_openvino_answers_as_keras_does(
    spec: ModelSpec,
    settings: Settings,
    pictures: tuple[Images, Labels],
    answers: np.ndarray,
    capsys: pytest.CaptureFixture[str],
) -> None:
    expected = keras_answers([spec], settings, pictures[0][:COMPARED])[spec.name]
    agreement = accuracy(answers[:COMPARED], expected.argmax(axis=1))
    largest = float(abs(answers[:COMPARED] - expected).max())
    with capsys.disabled():
        print(
            f"\n{spec.name}, OpenVINO f32 against Keras on {COMPARED:,} pictures: "
            f"same class {agreement:.2%}, largest difference of a probability {largest:.6f}"
        )
    model = load(replace(spec, precision="f32"), settings)
    alone = np.concatenate([model.predict(image[None]) for image in pictures[0][:10]])
    assert alone == pytest.approx(answers[:10], abs=1e-4), "an image alone is answered as in a batch"
    assert agreement >= LEAST_AGREEMENT
    assert largest <= 0.01
    assert accuracy(answers, pictures[1]) >= 0.8, "these are no trained weights, and agreement says little"


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_a_lower_precision_costs_at_most_half_a_point(
    precision: str,
    spec: ModelSpec,
    settings: Settings,
    pictures: tuple[Images, Labels],
    answers: np.ndarray,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from openvino import Core

    capable = "BF16" in Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    lower = answered(
        spec.at(precision), settings, pictures[0], "f32" if precision == "bf16" and not capable else precision
    )
    before, after = accuracy(answers, pictures[1]), accuracy(lower, pictures[1])
    same = accuracy(lower, answers.argmax(axis=1))
    with capsys.disabled():
        print(
            f"\n{spec.name}, {precision} against f32 on {PICTURES:,} pictures: "
            f"accuracy {after:.2%} against {before:.2%} ({(after - before) * 100:+.2f} points), same class {same:.2%}"
        )
    assert (before - after) * 100 <= MOST_POINTS
