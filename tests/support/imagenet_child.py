"""Weights for ImageNet as Keras downloads them, made in place of the download: `python -m … KERAS_HOME IMAGES ANSWERS`.

The numbers are random and spread the answers; the answers are those of the network as Keras itself would use it.
"""

import sys
from pathlib import Path

import numpy as np

from streamapp.runtime.imports import quiet

#: What `keras.applications.MobileNetV2(weights="imagenet")` looks for at 224 pixels.
FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"


def main(home: str, images: str, answers: str) -> None:
    """Write the file and the answers."""
    quiet()
    import h5py  # type: ignore[import-untyped]
    import keras
    from keras.applications import mobilenet_v2
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    keras.utils.set_random_seed(4)
    network = mobilenet_v2.MobileNetV2(weights=None)
    batch = mobilenet_v2.preprocess_input(np.load(images).astype(np.float32))
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network(batch, training=True)
    head = network.layers[-1]
    head.set_weights([head.kernel * 30, head.bias])
    np.save(answers, np.asarray(network(batch, training=False)))
    folder = Path(home) / "models"
    folder.mkdir(parents=True)
    with h5py.File(folder / FILE, "w") as file:
        save_weights_to_hdf5_group(file, network)


if __name__ == "__main__":
    main(*sys.argv[1:])
