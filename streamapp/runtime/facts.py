"""What weights say of themselves: what they were trained for, and how good training found them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamapp.errors import ModelError
from streamapp.runtime.spec import Accuracy, ModelSpec

#: The attribute of a `.weights.h5` file with facts as JSON; `streamapp train` writes it.
ATTRIBUTE = "streamapp"
WEIGHTS, KERAS = ".weights.h5", ".keras"


class _Test(BaseModel):
    """The part `test` of the facts."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    accuracy: float = Field(ge=0, le=1)
    interval_95: tuple[float, float]
    pictures: int = Field(ge=1)


def inside(path: Path | None) -> dict[str, Any]:
    """The facts in a `.weights.h5` file; empty where there are none. It imports h5py: not for a worker."""
    if path is None or not path.name.endswith(WEIGHTS):
        return {}
    import h5py  # type: ignore[import-untyped]

    try:
        with h5py.File(path) as file:
            return _mapping(file.attrs[ATTRIBUTE])
    except (OSError, KeyError):
        return {}


def place(path: Path) -> Path:
    """Where the facts beside weights are: `x.json` for `x.weights.h5` or `x.keras`."""
    return path.parent / (path.name.removesuffix(WEIGHTS).removesuffix(KERAS) + ".json")


def beside(path: Path | None) -> dict[str, Any]:
    """The facts in the JSON beside weights; empty where there are none."""
    if path is None:
        return {}
    try:
        return _mapping(place(path).read_text())
    except (OSError, ValueError):
        return {}


def noted(path: Path, digest: str) -> dict[str, Any]:
    """The facts beside weights with this hash; empty where they say that they are of other weights."""
    notes = beside(path)
    return notes if notes.get("sha256", digest) == digest else {}


def recipe(notes: Mapping[str, Any]) -> dict[str, Any]:
    """How weights were trained, by the facts about them; empty where they do not say it."""
    found = notes.get("recipe")
    return found if isinstance(found, dict) else {}


def check_architecture(spec: ModelSpec, facts: Mapping[str, Any]) -> None:
    """Refuse weights that say that they are of another architecture.

    Raises:
        ModelError: they do.
    """
    architecture = recipe(facts).get("architecture", spec.architecture)
    if architecture != spec.architecture:
        raise ModelError(f"model {spec.name!r}: the weights are those of {architecture}, not of {spec.architecture}")


def check_labels(spec: ModelSpec, facts: Mapping[str, Any]) -> None:
    """Refuse weights that say that they were trained for other classes, or for the same in another order.

    Raises:
        ModelError: they were.
    """
    labels = recipe(facts).get("labels")
    if isinstance(labels, list) and tuple(labels) != spec.labels:
        raise ModelError(
            f"model {spec.name!r}: the weights are of another model: they were trained for the labels "
            f"{_listed(labels)}; wanted, in this order: {_listed(spec.labels)}"
        )


def check_input(spec: ModelSpec, facts: Mapping[str, Any]) -> None:
    """Refuse to run weights with other pictures than those that they say they were trained with.

    Raises:
        ModelError: the input's size differs, or the detail that its pictures are reduced to.
    """
    said = recipe(facts)
    for name in ("input_size", "detail"):
        wanted = getattr(spec, name)
        if said.get(name, wanted) != wanted:
            raise ModelError(
                f"model {spec.name!r}: the weights were trained with {name} {said[name]}, and not {wanted}; a model "
                f"knows that from the training's JSON: put it beside the weights, or set {name} in the model's file"
            )


def accuracy(path: Path | None, digest: str, facts: Mapping[str, Any]) -> Accuracy | None:
    """The accuracy that training measured: the one in the file's own `facts`, else the one beside the file.

    What lies beside may belong to weights that lay there before: it counts only where it agrees with the file and
    with its hash.
    """
    notes = facts if "test" in facts or path is None else noted(path, digest)
    if any(notes.get(name) != value for name, value in facts.items()):
        return None
    try:
        test = _Test.model_validate(notes.get("test"))
    except ValidationError:
        return None
    return Accuracy(test.accuracy, *test.interval_95, test.pictures)


def _mapping(text: Any) -> dict[str, Any]:
    try:
        facts = json.loads(text)
    except (ValueError, TypeError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _listed(labels: Any) -> str:
    return ", ".join(str(label) for label in labels)
