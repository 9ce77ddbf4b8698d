"""ModelSpec: what an agent file may say."""

import pytest

from streamapp.errors import ModelError
from streamapp.runtime.spec import CIFAR10, ModelSpec
from streamapp.settings import Settings

SPEC = ModelSpec("mine", "ResNet50", labels=("cat", "dog"))


def test_the_defaults_are_cifar10_at_64_pixels() -> None:
    spec = ModelSpec("my-model2", "MobileNetV2")
    assert (spec.input_size, spec.labels, spec.weights) == (64, CIFAR10, "cifar10")
    assert (spec.precision, spec.runtime) == (None, None)
    assert spec.detail == 32


def test_cifar10_is_in_the_order_of_the_data_set() -> None:
    assert CIFAR10 == (
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "Big", "name must be like"),
        ("name", "2fast", "name must be like"),
        ("name", "a_b", "name must be like"),
        ("name", "a\n", "name must be like"),
        ("name", "a" * 41, "at most 40"),
        ("name", "stats", "names of other roles"),
        ("architecture", "", "not the name of a class"),
        ("architecture", "os.path", "not the name of a class"),
        ("input_size", 4, "8 to 1024 pixels, not 4"),
        ("input_size", 2048, "not 2048"),
        ("input_size", 64.0, "not 64.0"),
        ("detail", 4, "detail must be None or at least 8 pixels, not 4"),
        ("detail", 32.0, "not 32.0"),
        ("labels", "cats", "labels must be a tuple"),
        ("labels", ["cat", "dog"], "labels must be a tuple"),
        ("labels", ("cat",), "at least two"),
        ("labels", ("cat", "cat"), "different"),
        ("labels", ("cat", ""), "texts"),
        ("weights", "", "weights must not be empty"),
        ("precision", "f64", "precision must be one of f32, bf16, int8"),
        ("runtime", "torch", "runtime must be openvino or keras"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object, message: str) -> None:
    fields = {"name": "mine", "architecture": "ResNet50", field: value}
    with pytest.raises(ModelError, match=message):
        ModelSpec(**fields)


def test_a_spec_travels_to_another_process_as_it_is() -> None:
    for spec in (SPEC, SPEC.at("int8")):
        assert ModelSpec.from_json(spec.to_json()) == spec


def test_a_model_at_another_precision_has_a_name_of_its_own() -> None:
    assert (SPEC.at("int8").name, SPEC.at("int8").precision) == ("mine-int8", "int8")


def test_its_own_runtime_and_precision_count_before_those_of_the_settings() -> None:
    settings = Settings(runtime="keras", precision="bf16")
    assert SPEC.run_by(settings) == ("keras", "bf16")
    assert ModelSpec("mine", "ResNet50", runtime="openvino", precision="int8").run_by(settings) == ("openvino", "int8")


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        (SPEC.at("int8"), Settings(runtime="keras")),
        (ModelSpec("mine-int8", "ResNet50", runtime="keras"), Settings(precision="int8")),
    ],
)
def test_keras_cannot_run_int8(spec: ModelSpec, settings: Settings) -> None:
    with pytest.raises(ModelError, match="model 'mine-int8': only the runtime openvino runs int8"):
        spec.run_by(settings)
