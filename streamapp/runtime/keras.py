"""The reference runtime: the same weights in TensorFlow, as a frozen graph; it tells whether OpenVINO is right."""

from typing import Any

import numpy as np
import numpy.typing as npt

from streamapp.errors import ModelError
from streamapp.runtime import cache
from streamapp.runtime.batches import check, normalised
from streamapp.runtime.imports import quiet
from streamapp.runtime.spec import ModelInfo, ModelSpec
from streamapp.settings import Settings


class KerasModel:
    """A model run by TensorFlow, in single precision whatever the settings say. Importing it takes seconds.

    Raises:
        ModelError: the model is not converted, or its weights came as an OpenVINO model.
    """

    def __init__(self, spec: ModelSpec, settings: Settings) -> None:
        entry = cache.require(spec, settings)
        if not entry.keras.is_file():
            raise ModelError(
                f"model {spec.name!r}: its weights are an OpenVINO model, which only the runtime openvino runs"
            )
        quiet()
        self.info: ModelInfo = entry.info(spec, "keras", "f32")
        self._function: Any = _frozen(entry, spec, settings.threads)
        self.predict(np.zeros((1, spec.input_size, spec.input_size, 3), np.uint8))

    def predict(self, batch: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Probabilities, float32 [N, classes], rows sum to 1, for uint8 RGB [N, H, W, 3].

        Raises:
            ModelError: the batch has another shape or type.
        """
        import tensorflow as tf

        check(batch, self.info)
        return normalised(self._function(tf.constant(batch))[0].numpy())

    def close(self) -> None:
        """Free the memory; the model cannot be used afterwards."""
        self._function = None


def _frozen(entry: cache.Entry, spec: ModelSpec, threads: int) -> Any:
    """The model as a function of one tensor, with its weights as constants."""
    import keras
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    if threads and tf.config.threading.get_intra_op_parallelism_threads() != threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    network = keras.saving.load_model(entry.keras, compile=False)
    signature = tf.TensorSpec([None, spec.input_size, spec.input_size, 3], tf.uint8, name="image")
    traced = tf.function(lambda image: network(image, training=False), autograph=False)
    return convert_variables_to_constants_v2(traced.get_concrete_function(signature))
