"""The runtime for CPUs: OpenVINO runs the converted model; TensorFlow is not imported."""

from typing import Any

import numpy as np
import numpy.typing as npt

from streamapp.runtime import cache
from streamapp.runtime.batches import check, normalised
from streamapp.runtime.imports import quiet
from streamapp.runtime.spec import ModelInfo, ModelSpec
from streamapp.settings import Settings

WARM_UP = 3


class OpenVinoModel:
    """A converted model, compiled for this CPU and warm. One image goes through a model compiled for just that.

    Raises:
        ModelError: the model is not converted.
    """

    def __init__(self, spec: ModelSpec, settings: Settings) -> None:
        quiet()
        import openvino

        self._entry = cache.require(spec, settings)
        self._core = openvino.Core()
        precision = _precision(spec.run_by(settings)[1], self._core)
        self._config = _config(precision, settings.threads)
        self.info: ModelInfo = self._entry.info(spec, "openvino", precision)
        #: Requests in which no call is, by size of batch.
        self._idle: dict[int, Any] = {}
        for _ in range(WARM_UP):
            self.predict(np.zeros((1, spec.input_size, spec.input_size, 3), np.uint8))

    def predict(self, batch: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Probabilities, float32 [N, classes], rows sum to 1, for uint8 RGB [N, H, W, 3].

        The first batch of more than one image compiles a second model, for any N. A call that hangs in another thread
        keeps what it runs on, and the next one compiles anew.

        Raises:
            ModelError: the batch has another shape or type.
        """
        check(batch, self.info)
        size = 1 if len(batch) == 1 else -1
        request = self._idle.pop(size, None) or self._compile(size)
        request.infer([batch], share_inputs=True)
        answers = normalised(request.get_output_tensor(0).data)
        self._idle[size] = request
        return answers

    def close(self) -> None:
        """Free the memory; the model cannot be used afterwards."""
        self._idle.clear()
        self._core = None

    def _compile(self, batch: int) -> Any:
        """A request for `batch` images, or for any number if that is -1; a fixed shape is some 10 % faster."""
        model = self._core.read_model(self._entry.ir)
        model.reshape([batch, self.info.input_size, self.info.input_size, 3])
        return self._core.compile_model(model, "CPU", self._config).create_infer_request()


def _precision(wanted: str, core: Any) -> str:
    """What is used: int8 is in the model and runs everywhere; bf16 needs AMX or AVX-512 BF16, and is f32 elsewhere."""
    if wanted == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return "f32"
    return wanted


def _config(precision: str, threads: int) -> dict[str, Any]:
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",  # of what is not int8
        "INFERENCE_NUM_THREADS": threads,
        # Several processes run models: pinned, all of them would sit on the same first cores.
        "ENABLE_CPU_PINNING": False,
    }
