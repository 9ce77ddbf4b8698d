"""The contestants: one small file each, with a `SPEC`; a new file takes part everywhere with no other edit."""

import importlib
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from streamapp.errors import ModelError
from streamapp.runtime import imagenet
from streamapp.runtime.spec import PRECISIONS, ModelSpec

#: Where the next `name=` begins in a list of weights; a URI may have commas and, in its pin, an equals sign.
NEXT = re.compile(r",\s*(?=[a-z][a-z0-9-]*=)")
NAMED = re.compile(r"\s*([a-z][a-z0-9-]*)=(.*)")


def specs(models: str = "", weights: str = "") -> dict[str, ModelSpec]:
    """The models that take part, by name in alphabetical order.

    `models` are names separated by commas, as `contestant` takes them; empty means every file in `agents/`. `weights`
    is one URI for all models, or `name=URI` for some, separated by commas; the others keep the one of their own file.

    Raises:
        ModelError: a file cannot be imported or has no usable SPEC, two files have the same name, a name is unknown or
            there twice, or the models do not have the same labels.
    """
    found = _with_weights(_discover(), weights)
    wanted = [name.strip() for name in models.split(",") if name.strip()] or list(found)
    chosen: dict[str, ModelSpec] = {}
    try:
        for spec in (contestant(name, found) for name in wanted):
            if spec.name in chosen:
                raise ModelError(f"{spec.name} takes part twice")
            chosen[spec.name] = spec
    except ModelError as error:
        raise ModelError(f"STREAMAPP_MODELS: {error}") from error
    _same_labels(chosen)
    return dict(sorted(chosen.items()))


def contestant(text: str, found: Mapping[str, ModelSpec]) -> ModelSpec:
    """The model of a name among `found`, or, as `name@precision`, that model at another precision.

    Raises:
        ModelError: there is no such model or no such precision.
    """
    name, at, precision = text.partition("@")
    if name not in found:
        raise ModelError(f"no model {name!r} in agents/; there are {', '.join(found) or 'none'}")
    if at and precision not in PRECISIONS:
        raise ModelError(f"{text}: no precision {precision!r}; there are {', '.join(PRECISIONS)}")
    return found[name].at(precision) if at else found[name]


def _discover() -> dict[str, ModelSpec]:
    """Every SPEC in this package, by name."""
    files: dict[str, str] = {}
    found: dict[str, ModelSpec] = {}
    for module in pkgutil.iter_modules(__path__):
        spec = _spec(module.name)
        if spec.name in found:
            raise ModelError(f"{files[spec.name]} and {_file(module.name)} both have a model named {spec.name!r}")
        files[spec.name], found[spec.name] = _file(module.name), spec
    return dict(sorted(found.items()))


def _spec(module_name: str) -> ModelSpec:
    file = _file(module_name)
    try:
        module = importlib.import_module(f"{__name__}.{module_name}")
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from error
    except Exception as error:  # whatever is wrong in a person's file, they must be told which one it is
        raise ModelError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
    spec = getattr(module, "SPEC", None)
    if not isinstance(spec, ModelSpec):
        raise ModelError(f"{file} has no SPEC = ModelSpec(...); every file in agents/ needs one")
    return spec


def _with_weights(found: Mapping[str, ModelSpec], weights: str) -> dict[str, ModelSpec]:
    """The models with the weights that are given for them, and with the classes of weights that bring their own."""
    parts = NEXT.split(weights) if weights else []
    pairs = {match[1]: match[2] for part in parts if (match := NAMED.fullmatch(part))}
    if pairs and len(pairs) < len(parts):
        raise ModelError(f"STREAMAPP_WEIGHTS: one URI for all models, or name=URI once for each, not {weights!r}")
    for name in pairs.keys() - found.keys():
        raise ModelError(f"STREAMAPP_WEIGHTS: no model {name!r} in agents/; there are {', '.join(found) or 'none'}")
    uris = pairs or (dict.fromkeys(found, weights) if weights else {})
    chosen = {name: replace(spec, weights=uris.get(name, spec.weights)) for name, spec in found.items()}
    return {name: imagenet.fitted(spec) if spec.weights == imagenet.URI else spec for name, spec in chosen.items()}


def _same_labels(chosen: dict[str, ModelSpec]) -> None:
    """Models of one race must answer the same question."""
    first, *others = chosen.values()
    for other in others:
        if set(other.labels) != set(first.labels):
            raise ModelError(
                f"the models {first.name} and {other.name} have different labels and cannot race; "
                "choose with STREAMAPP_MODELS which take part"
            )


def _file(module_name: str) -> str:
    return str(Path("agents") / f"{module_name}.py")
