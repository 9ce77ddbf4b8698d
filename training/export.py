"""Write trained weights as a small file that the runtime loads by its path."""

import json
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np

from streamapp.runtime import facts as known
from training.checkpoints import UNFINISHED, replace
from training.recipe import Recipe

#: The optimizer's part of a Keras weights file, which nobody needs to classify.
OPTIMIZER = "optimizer"


def export(network: Any, path: Path, facts: dict[str, Any]) -> None:
    """Write the weights to `path`, which ends in `.weights.h5`, kernels in half precision.

    Vectors stay in single precision: they are small, and a variance may be too large or too small for a half.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_name(f"{UNFINISHED}whole-{path.name}")
    unfinished = path.with_name(UNFINISHED + path.name)
    network.save_weights(whole, overwrite=True)
    with h5py.File(whole) as source, h5py.File(unfinished, "w") as target:
        target.attrs[known.ATTRIBUTE] = json.dumps(facts)
        _copy(source, target)
    whole.unlink()
    replace(unfinished, path)


def recipe_in(path: Path) -> Recipe | None:
    """The recipe that `export` wrote beside the weights; None where the file cannot be read or has none."""
    try:
        return Recipe.from_json(known.inside(path)["recipe"])
    except (KeyError, TypeError):
        return None


def _copy(source: Any, target: Any) -> None:
    for name, value in source.attrs.items():
        target.attrs[name] = value
    for name, node in source.items():
        if isinstance(node, h5py.Group):
            if name != OPTIMIZER:
                _copy(node, target.create_group(name))
        else:
            target.create_dataset(name, data=_smaller(node[()]))


def _smaller(values: Any) -> Any:
    """Half precision for what has more than one dimension and fits."""
    if values.ndim < 2 or values.dtype != np.float32 or np.abs(values).max(initial=0) > np.finfo(np.float16).max:
        return values
    return values.astype(np.float16)
