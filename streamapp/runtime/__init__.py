"""Models as load, predict, close: what runs them, and the lane that times them fairly."""

from streamapp.runtime.spec import Model, ModelSpec
from streamapp.runtime.weights import exact
from streamapp.settings import Settings


def load(spec: ModelSpec, settings: Settings) -> Model:
    """Load a converted model and warm it up. It takes seconds: call it in a thread.

    Only the runtime `keras` imports TensorFlow. Nothing is converted here; `streamapp models prepare` does that.

    Raises:
        ModelError: the model is not converted yet, or cannot be loaded; the text says how to mend it.
    """
    spec = exact(spec, settings)
    if spec.run_by(settings)[0] == "keras":
        from streamapp.runtime.keras import KerasModel

        return KerasModel(spec, settings)
    from streamapp.runtime.openvino import OpenVinoModel

    return OpenVinoModel(spec, settings)
