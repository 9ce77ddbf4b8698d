"""ResNet50 (He et al., 2015, arXiv:1512.03385): the deep, heavy contestant.

Fifty layers with shortcuts around every three; 23.6 million parameters. Its input is BGR with the mean of ImageNet
taken away ("caffe" style), which is part of the converted model: agents send plain RGB bytes.
"""

from streamapp.runtime.spec import CIFAR10, ModelSpec

SPEC = ModelSpec(
    name="resnet50",
    architecture="ResNet50",
    input_size=64,
    labels=CIFAR10,
    weights="cifar10",
)
