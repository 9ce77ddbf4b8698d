"""Turn weights into the two files of a converted model: OpenVINO's, and Keras' own for reference."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino
from openvino.preprocess import PrePostProcessor

from streamapp.errors import ModelError
from streamapp.runtime import flops
from streamapp.runtime.cache import IR, KERAS
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import SEED, Weights

#: How far from 1 the sum of an answer may be.
ROUNDING = 1e-3


def export(spec: ModelSpec, weights: Weights, folder: Path) -> tuple[int, float]:
    """Write the converted model into `folder`; returns its parameters, and its FLOPs for one image.

    Raises:
        ModelError: the weights do not belong to a model with this input and these labels.
    """
    if weights.kind == "openvino":
        model = _given_ir(spec, weights)
        parameters = flops.parameters(model)
    else:
        network = _network(spec, weights)
        network.save(folder / KERAS)
        parameters = network.count_params()
        model = _converted(network, spec)
    # Not in half precision: bundled weights are halves already, and folding BatchNorm into them made other numbers.
    openvino.save_model(model, folder / IR, compress_to_fp16=False)
    model.reshape([1, spec.input_size, spec.input_size, 3])
    return parameters, flops.flops(model)


def _network(spec: ModelSpec, weights: Weights) -> Any:
    """The Keras model with its weights."""
    import keras

    from streamapp.runtime.architectures import build

    if weights.path and weights.path.name.endswith(".keras"):
        network = _loaded(spec, weights.path)
    else:
        keras.utils.set_random_seed(SEED)
        named = weights.kind == "imagenet"
        network = build(spec.architecture, spec.input_size, len(spec.labels), "imagenet" if named else None)
        if weights.path:
            _load_weights(network, spec, weights.path)
    shapes = tuple(network.input_shape), tuple(network.output_shape)
    _check(spec, *shapes, np.asarray(network(_sample(spec), training=False)))
    return network


def _loaded(spec: ModelSpec, path: Path) -> Any:
    """The model of a `.keras` file, which takes RGB values 0 to 255 and has its preprocessing inside."""
    import keras

    try:
        network = keras.saving.load_model(path, compile=False)
    except Exception as error:  # whatever a file of unknown origin makes Keras raise
        raise ModelError(f"model {spec.name!r}: {path} cannot be loaded: {_first_line(error)}") from error
    image = keras.Input((spec.input_size, spec.input_size, 3), dtype="uint8", name="image")
    try:
        return keras.Model(image, network(keras.ops.cast(image, network.input_dtype or "float32")), name=network.name)
    except ValueError as error:
        raise _mismatch(spec, f"its input is {network.input_shape}") from error


def _load_weights(network: Any, spec: ModelSpec, path: Path) -> None:
    try:
        network.load_weights(path)
    except Exception as error:  # KeyError, ValueError, OSError and more, depending on what differs
        message = f"model {spec.name!r}: {path} does not hold the weights of {spec.architecture}"
        raise ModelError(f"{message}: {_first_line(error)}") from error


def _converted(network: Any, spec: ModelSpec) -> Any:
    """The OpenVINO model of a Keras model, any batch."""
    import tensorflow as tf

    signature = tf.TensorSpec([None, spec.input_size, spec.input_size, 3], tf.uint8, name="image")
    traced = tf.function(lambda image: network(image, training=False), autograph=False)
    model = openvino.convert_model(traced.get_concrete_function(signature))
    # Activations with a gradient of their own come out as outputs too, and keep OpenVINO from fusing them.
    return openvino.Model([model.get_results()[0]], model.get_parameters(), network.name)


def _given_ir(spec: ModelSpec, weights: Weights) -> Any:
    """An OpenVINO model that came from elsewhere, made to take uint8 [N, size, size, 3]."""
    assert weights.path is not None
    model = openvino.Core().read_model(weights.path / "model.xml")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise _mismatch(spec, f"it has {len(model.inputs)} inputs and {len(model.outputs)} outputs")
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(openvino.Type.u8)
    model = steps.build()
    size = spec.input_size
    try:
        model.reshape([-1, size, size, 3])
        answer = openvino.compile_model(model, "CPU")(_sample(spec))[0]
    except RuntimeError as error:
        raise _mismatch(spec, "it cannot be run with such images") from error
    _check(spec, (None, size, size, 3), (None, *answer.shape[1:]), answer)
    return model


def _sample(spec: ModelSpec) -> Any:
    """Two images of noise."""
    shape = (2, spec.input_size, spec.input_size, 3)
    return np.random.default_rng(SEED).integers(0, 256, shape, dtype=np.uint8)


def _check(spec: ModelSpec, taken: tuple[Any, ...], given: tuple[Any, ...], answer: Any) -> None:
    if taken[1:] != (spec.input_size, spec.input_size, 3):
        raise _mismatch(spec, f"its input is {taken}")
    if given[1:] != (len(spec.labels),):
        raise _mismatch(spec, f"its output is {given} and there are {len(spec.labels)} labels")
    if answer.min() < 0 or not np.allclose(answer.sum(axis=1), 1, atol=ROUNDING):
        raise _mismatch(spec, "its answers are not probabilities: the last layer must be a softmax")


def _mismatch(spec: ModelSpec, what: str) -> ModelError:
    return ModelError(
        f"model {spec.name!r}: the weights are of another model: {what}; "
        f"wanted: {spec.input_size}×{spec.input_size} RGB in, {len(spec.labels)} probabilities out"
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
