"""EfficientNetB0 (Tan and Le, 2019, arXiv:1905.11946): the balanced contestant.

Depth, width and resolution grown together, with squeeze-and-excitation; 4.1 million parameters. It takes plain RGB
values and scales them itself: agents send plain RGB bytes.
"""

from streamapp.runtime.spec import CIFAR10, ModelSpec

SPEC = ModelSpec(
    name="efficientnet",
    architecture="EfficientNetB0",
    input_size=64,
    labels=CIFAR10,
    weights="cifar10",
)
