"""What must be set before Keras is imported for training, on either of its backends."""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from streamapp.errors import TrainingError


def prepare(threads: int) -> str:
    """Choose TensorFlow unless KERAS_BACKEND says otherwise, and so many threads (0: all cores); the backend's name.

    Raises:
        TrainingError: the backend is not installed.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet():
        try:
            import keras
        except ImportError as error:
            name = os.environ["KERAS_BACKEND"]
            mend = f"`pip install {name}`, or unset KERAS_BACKEND"
            raise TrainingError(f"KERAS_BACKEND={name}: that backend is not installed ({error}): {mend}") from error
        backend: str = keras.backend.backend()
        if threads:
            _limit(backend, threads)
        keras.ops.zeros(1)  # the first operation starts the backend, which announces itself
        if backend == "torch":
            from training import torchfast

            torchfast.install()
    return backend


def _limit(backend: str, threads: int) -> None:
    if backend == "tensorflow":
        import tensorflow as tf

        if tf.config.threading.get_intra_op_parallelism_threads() != threads:  # once it runs, it cannot be set
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
    elif backend == "torch":
        importlib.import_module("torch").set_num_threads(threads)  # not one of our dependencies


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep out what TensorFlow writes while it starts, whatever its log level; the errors of Python still come."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123  # a device, not a path
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
