"""What must be set before Keras is imported for training, on either of its backends."""

import importlib
import os


def prepare(threads: int) -> str:
    """Choose TensorFlow unless KERAS_BACKEND says otherwise, and so many threads (0: all cores); the backend's name."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # the default, which TensorFlow announces unless it is said
    import keras

    backend: str = keras.backend.backend()
    if threads and backend == "tensorflow":
        import tensorflow as tf

        if tf.config.threading.get_intra_op_parallelism_threads() != threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
    if threads and backend == "torch":
        importlib.import_module("torch").set_num_threads(threads)  # not one of our dependencies
    return backend
