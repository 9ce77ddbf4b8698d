"""The classes and the input of the weights that Keras offers for ImageNet, which are known without downloading them."""

import json
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

from streamapp.runtime.spec import ModelSpec

URI = "imagenet"
SIZE = 224
#: `imagenet_class_index.json` of Keras, byte for byte: WordNet id and name of each class.
CLASSES = Path(__file__).with_name("imagenet_class_index.json")


@cache
def labels() -> tuple[str, ...]:
    """The 1000 classes in the order of the outputs. Two names stand for two classes each: these get their id too."""
    index: dict[str, list[str]] = json.loads(CLASSES.read_text())
    names = Counter(name for _, name in index.values())
    pairs = (index[str(number)] for number in range(len(index)))
    return tuple(f"{name}_{identity}" if names[name] > 1 else name for identity, name in pairs)


def fitted(spec: ModelSpec) -> ModelSpec:
    """The spec as these weights need it: their classes, their input size, pictures in all their detail."""
    return replace(spec, input_size=SIZE, labels=labels(), detail=None)
