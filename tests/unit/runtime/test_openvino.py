"""Which precision is used on which CPU."""

import pytest

from streamapp.runtime.openvino import _config, _precision


class Cpu:
    """A processor that can do some things."""

    def __init__(self, *capabilities: str) -> None:
        self.capabilities = capabilities

    def get_property(self, device: str, name: str) -> list[str]:
        assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
        return list(self.capabilities)


@pytest.mark.parametrize(
    ("wanted", "capabilities", "used"),
    [
        ("f32", ("FP32",), "f32"),
        ("f32", ("FP32", "BF16"), "f32"),
        ("bf16", ("FP32", "BF16"), "bf16"),
        ("bf16", ("FP32",), "f32"),
        ("int8", ("FP32",), "int8"),
        ("int8", ("FP32", "BF16"), "int8"),
    ],
)
def test_bf16_only_where_the_cpu_has_it_and_int8_everywhere(
    wanted: str, capabilities: tuple[str, ...], used: str
) -> None:
    precision = _precision(wanted, Cpu(*capabilities))
    assert precision == used
    assert _config(precision, threads=3)["INFERENCE_PRECISION_HINT"] == ("bf16" if used == "bf16" else "f32")
    assert _config(precision, threads=3)["INFERENCE_NUM_THREADS"] == 3
