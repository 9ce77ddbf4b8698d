"""How much arithmetic an OpenVINO model is, counted from its graph."""

from math import prod
from typing import Any


def parameters(model: Any) -> int:
    """Numbers in the model's floating point constants of more than one element."""
    constants = (op for op in model.get_ops() if op.get_type_name() == "Constant")
    return sum(prod(op.shape) for op in constants if op.get_element_type().is_real() and prod(op.shape) > 1)


def flops(model: Any) -> float:
    """Operations for one image: two for each multiply-add of convolutions and matrix products.

    `model` must have a static shape of one image.
    """
    return float(sum(2 * _multiply_adds(op) for op in model.get_ops()))


def _multiply_adds(op: Any) -> int:
    outputs = prod(op.get_output_shape(0)) if op.get_type_name() in COUNTED else 0
    return outputs * COUNTED[op.get_type_name()](op) if outputs else 0


def _convolution(op: Any) -> int:
    """Multiply-adds for one output: the kernel's size without its output channels."""
    return prod(op.input(1).get_shape()[1:])


def _group_convolution(op: Any) -> int:
    return prod(op.input(1).get_shape()[2:])


def _product(op: Any) -> int:
    shape = op.input(0).get_shape()
    return int(shape[-2] if op.get_attributes()["transpose_a"] else shape[-1])


COUNTED = {"Convolution": _convolution, "GroupConvolution": _group_convolution, "MatMul": _product}
