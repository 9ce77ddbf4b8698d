"""The contestants in facts, for a table: what would be run, and whether it is ready to."""

from collections.abc import Mapping
from dataclasses import dataclass

from streamapp.errors import ModelError
from streamapp.runtime import cache, facts
from streamapp.runtime.spec import Accuracy, ModelSpec
from streamapp.runtime.weights import Weights, exact, resolve
from streamapp.settings import Settings


@dataclass(frozen=True)
class Contestant:
    """A model that takes part: its spec as it is run, its weights, and the converted model where there is one."""

    spec: ModelSpec
    weights: Weights
    entry: cache.Entry | None

    @property
    def accuracy(self) -> Accuracy | None:
        """What training measured."""
        said = self.entry.meta.facts if self.entry else {}
        return facts.accuracy(self.weights.path, self.weights.digest, said)

    def row(self, settings: Settings) -> dict[str, str]:
        """What `models list` shows."""
        runtime, precision = self.spec.run_by(settings)
        return {
            "version": self.weights.version,
            "weights": self.weights.uri,
            "runtime": runtime,
            "precision": precision,
            "trained": _yes(self.weights.trained),
            "accuracy": f"{self.accuracy.value:.2%}" if self.accuracy else "",
            "converted": _yes(self.entry is not None),
        }

    def details(self, settings: Settings) -> dict[str, str]:
        """What `models show` shows above the versions."""
        spec, entry, recipe = self.spec, self.entry, self.weights.recipe
        lines = {
            **self.row(settings),
            "accuracy": percent(self.accuracy),
            "architecture": spec.architecture,
            "input": f"{spec.input_size}×{spec.input_size} RGB",
            "detail": f"pictures are reduced to {spec.detail} px first" if spec.detail else "all",
            "classes": listed(spec.labels),
            "size": f"{entry.meta.parameters / 1e6:.2f} M parameters" if entry else "",
            "work": f"{entry.meta.flops / 1e9:.3f} GFLOPs for an image" if entry else "",
            "sha256": self.weights.digest,
            "file": str(self.weights.path or ""),
            "training": ", ".join(f"{name} {recipe[name]}" for name in ("epochs", "seed", "init") if name in recipe),
        }
        return {name: text for name, text in lines.items() if text}


def look(spec: ModelSpec, settings: Settings) -> Contestant:
    """A contestant as it would be run now.

    Raises:
        RegistryUnavailable, ModelError: its weights cannot be found.
    """
    pinned = exact(spec, settings)
    return Contestant(pinned, resolve(pinned, settings), cache.find(pinned, settings))


def rows(specs: Mapping[str, ModelSpec], settings: Settings) -> tuple[list[dict[str, str]], list[ModelError]]:
    """A row for each contestant, and what is wrong with those whose weights cannot be found."""
    table, errors = [], []
    for name, spec in specs.items():
        try:
            shown = look(spec, settings).row(settings)
        except ModelError as error:
            errors.append(error)
            shown = {"version": "?", "weights": spec.weights}
        table.append({"model": name, **shown})
    return table, errors


def percent(accuracy: Accuracy | None) -> str:
    """An accuracy with its interval; empty where it is not known."""
    return f"{accuracy.value:.2%} ({accuracy.low:.2%} to {accuracy.high:.2%})" if accuracy else ""


def listed(labels: tuple[str, ...], most: int = 20) -> str:
    """Labels in one line, the first ones where there are many."""
    return ", ".join(labels) if len(labels) <= most else f"{len(labels)}: {', '.join(labels[:most])}, …"


def _yes(true: bool) -> str:
    return "yes" if true else "no"
