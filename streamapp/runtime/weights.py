"""What a weights URI stands for: freshly initialised numbers, a file, Keras' own for ImageNet, or a registered version.

| URI | weights |
| --- | --- |
| `cifar10` | those bundled for the model's architecture; fresh ones where there are none |
| `fresh` | freshly initialised |
| `imagenet` | what Keras downloads; classes and input size come with them |
| a path | a `.keras` or `.weights.h5` file, or a folder with an OpenVINO `model.xml` |
| `models:/NAME@ALIAS`, `models:/NAME/VERSION` | a version of MLflow's model registry |

With `#sha256=…` after it, a URI stands for weights with that hash and no others.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from streamapp.errors import ModelError
from streamapp.runtime import downloads, facts, imagenet, registry
from streamapp.runtime.registry import Version
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weightfiles import WeightsFile, look
from streamapp.settings import Settings

#: Where the random numbers of fresh weights start; part of their version.
SEED = 20091204
CIFAR10, FRESH = "cifar10", "fresh"
#: The weights that come with the project: `<model>.weights.h5`, with what the trainer noted in `<model>.json`.
BUNDLED = Path(__file__).parents[1] / "weights"
PINNED = re.compile(r"(?P<uri>.*)#sha256=(?P<digest>.*)")
KNOWN = (
    "`cifar10`, `fresh`, `imagenet`, a .keras or .weights.h5 file, a folder with an OpenVINO model.xml, "
    "models:/NAME@champion or models:/NAME/VERSION"
)


@dataclass(frozen=True)
class Weights:
    """Weights that can be loaded: how, from where, and which.

    `uri` has no pin, and names a version where it named an alias. `digest` is the SHA-256 of their content (of what
    they are made from, where there is no file); `version` is for people. `recipe` is how they were trained, where
    that is noted beside them.
    """

    kind: Literal["fresh", "keras", "openvino", "imagenet"]
    uri: str
    digest: str
    version: str
    path: Path | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def trained(self) -> bool:
        """False where the numbers are random."""
        return self.kind != "fresh"

    @property
    def exact_uri(self) -> str:
        """The URI of these very weights, which asks no registry."""
        return self.uri if self.path is None else f"{self.uri}#sha256={self.digest}"

    def fitted(self, spec: ModelSpec) -> ModelSpec:
        """The spec with what these weights say of the pictures that they were trained on."""
        if self.kind == "imagenet":
            return imagenet.fitted(spec)
        return replace(spec, **{name: self.recipe[name] for name in ("input_size", "detail") if name in self.recipe})


def exact(spec: ModelSpec, settings: Settings) -> ModelSpec:
    """The spec that is run: its weights pinned to what they stand for now, its input as these weights want it.

    Whoever takes several steps with a model (prepare, load) takes them with this spec, so that an alias that moves
    meanwhile, or a file that is replaced, cannot mix two versions. It blocks, as `resolve` does.

    Raises:
        RegistryUnavailable, ModelError: as for `resolve`.
    """
    weights = resolve(spec, settings)
    return replace(weights.fitted(spec), weights=weights.exact_uri)


def resolve(spec: ModelSpec, settings: Settings) -> Weights:
    """The weights that a spec's URI stands for now. It reads files, and downloads what a registry has and we have not.

    Raises:
        RegistryUnavailable: the registry does not answer; the same call may succeed later.
        ModelError: the URI is of no known kind, there is nothing there, it has another hash than the pin, or was
            trained for another architecture or other classes.
    """
    try:
        uri, pin = unpinned(spec.weights)
        weights = _resolved(uri, pin, spec, settings)
        if pin not in ("", weights.digest):
            raise ModelError(f"weights {uri!r} have the SHA-256 {weights.digest}, not {pin}: they were replaced")
    except ModelError as error:
        raise type(error)(f"model {spec.name!r}: {error}") from error
    facts.check_architecture(spec, {"recipe": weights.recipe})
    facts.check_labels(spec, {"recipe": weights.recipe})
    return weights


def unpinned(uri: str) -> tuple[str, str]:
    """A URI without its pin, and the hash that it is pinned to, if any.

    Raises:
        ModelError: the pin is no SHA-256.
    """
    found = PINNED.fullmatch(uri)
    if found is None:
        return uri, ""
    digest = found["digest"].lower()
    if not downloads.SHA256.fullmatch(digest):
        raise ModelError(f"weights {uri!r}: a SHA-256 has 64 hexadecimal digits, {found['digest']!r} has not")
    return found["uri"], digest


def _resolved(uri: str, pin: str, spec: ModelSpec, settings: Settings) -> Weights:
    if uri == FRESH:
        return fresh(spec)
    if uri == CIFAR10:
        return _bundled(spec) or fresh(spec)
    if uri == imagenet.URI:
        return _made_of("imagenet", [spec.architecture, version("keras")], "imagenet")
    if uri.startswith(registry.SCHEME):
        return _registered(uri, pin, settings)
    return _from_path(uri)


def fresh(spec: ModelSpec) -> Weights:
    """Freshly initialised weights: the same numbers on every machine with the same Keras."""
    return _made_of(
        "fresh", [SEED, spec.architecture, spec.input_size, len(spec.labels), version("keras")], "untrained"
    )


def _made_of(kind: Literal["fresh", "imagenet"], recipe: list[Any], name: str) -> Weights:
    """Weights without a file here, which are known by what makes them."""
    digest = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()
    return Weights(kind, kind, digest, f"{name}-{digest[:8]}")


def _bundled(spec: ModelSpec) -> Weights | None:
    """The bundled weights of this architecture for these classes, whatever the model's name; None if there are none."""
    for path in sorted(BUNDLED.glob("*" + facts.WEIGHTS)):
        recipe = facts.recipe(facts.beside(path))
        if (recipe.get("architecture"), recipe.get("labels")) == (spec.architecture, list(spec.labels)):
            file = look(path)
            return _of_file(file, CIFAR10, CIFAR10) if file is not None else None
    return None


def _registered(uri: str, pin: str, settings: Settings) -> Weights:
    named = registry.parse(uri)
    known = pin and not named.alias  # nothing that the registry could say would change it
    found = Version(named.name, named.number, pin) if known else registry.current(uri, settings)
    return _of_file(downloads.fetched(found, settings), found.uri, f"v{found.number}")


def place(uri: str) -> Path:
    """The path that a URI is."""
    return Path(os.path.expanduser(uri))  # noqa: PTH111  # the one of Path raises for a user that there is not


def _from_path(uri: str) -> Weights:
    path = place(uri)
    file = look(path)
    if file is None:
        what = "has no weights that can be read" if _is_there(path) else "does not exist"
        raise ModelError(f"weights {uri!r}: that path {what}; weights are {KNOWN}")
    return _of_file(file, uri)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a text that can be no path, such as one that is too long
        return False


def _of_file(file: WeightsFile, uri: str, name: str = "") -> Weights:
    recipe = facts.recipe(facts.noted(file.path, file.digest))
    version = f"{name}-{file.digest[:8]}" if name else file.digest[:12]
    return Weights(file.kind, uri, file.digest, version, file.path, recipe)
