"""What must be set before TensorFlow or OpenVINO is imported: nothing is reported home, little is printed."""

import os
import sys
from typing import Any


def quiet() -> None:
    """Turn OpenVINO's telemetry off and TensorFlow's messages down; choose TensorFlow below Keras."""
    modules: dict[str, Any] = sys.modules
    modules.setdefault("openvino_telemetry", None)  # OpenVINO then uses its own stub, which sends nothing
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
