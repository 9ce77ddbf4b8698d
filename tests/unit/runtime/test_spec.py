"""ModelSpec: what an agent file may say."""

import pytest

from streamapp.errors import ModelError
from streamapp.runtime.spec import CIFAR10, ModelSpec


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
        ("precision", "f64", "precision must be f32 or bf16"),
        ("runtime", "torch", "runtime must be openvino or keras"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object, message: str) -> None:
    fields = {"name": "mine", "architecture": "ResNet50", field: value}
    with pytest.raises(ModelError, match=message):
        ModelSpec(**fields)
