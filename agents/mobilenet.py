"""MobileNetV2 (Sandler et al., 2018, arXiv:1801.04381): the small contestant, made for telephones.

Depthwise convolutions between narrow layers; 2.3 million parameters. Its input is scaled to -1..1, which is part
of the converted model: agents send plain RGB bytes.
"""

from streamapp.runtime.spec import CIFAR10, ModelSpec

SPEC = ModelSpec(
    name="mobilenet",
    architecture="MobileNetV2",
    input_size=64,
    labels=CIFAR10,
    weights="cifar10",
)
