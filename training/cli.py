"""The commands `streamapp train` and `streamapp evaluate`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from streamapp.errors import TrainingError
from streamapp.runtime.spec import ModelSpec
from streamapp.settings import Settings
from training.evaluation import Evaluation
from training.recipe import FILES, KERAS, Recipe
from training.registry import Registry

if TYPE_CHECKING:
    from training.train import Result

#: What --quick sets: about a minute on two cores.
QUICK: dict[str, Any] = {"epochs": 1, "input_size": 32, "limit": 300, "batch_size": 32}

Augment = Literal["none", "light", "full"]
Precision = Literal["f32", "bf16"]
Models = Annotated[list[str] | None, typer.Argument(help="Names of models; all if it is left out.")]
Places = Annotated[
    list[Path] | None,
    typer.Option("--data", help="Zip or folder laid out as <split>/<class>/<file>; may be given more than once."),
]


def option(text: str, field: str, **limits: Any) -> Any:
    """An option that a recipe has a default for, which the help then shows."""
    default = rf"\[default: {getattr(Recipe, field)}]"  # without the backslash it would be markup, and not shown
    return typer.Option(help=f"{text} {default}", show_default=False, **limits)


def train(
    context: typer.Context,
    models: Models = None,
    data: Places = None,
    epochs: Annotated[int | None, option("Times that each picture is shown.", "epochs", min=1)] = None,
    batch_size: Annotated[int | None, option("Pictures in one step.", "batch_size", min=2)] = None,
    input_size: Annotated[int | None, typer.Option(help="Side in pixels; else the model's own.", min=32)] = None,
    init: Annotated[
        str | None, option("imagenet, scratch, or a .weights.h5, .keras, .pt, .pth, .whl or .tgz file.", "init")
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(help="A .keras or .weights.h5 file whose answers are mixed into the labels.")
    ] = None,
    teacher_share: Annotated[float | None, option("How much of them.", "teacher_share", min=0, max=1)] = None,
    learning_rate: Annotated[float | None, option("Peak of the one-cycle schedule.", "learning_rate", min=0)] = None,
    weight_decay: Annotated[float | None, option("Of AdamW.", "weight_decay", min=0)] = None,
    label_smoothing: Annotated[float | None, option("Certainty taken away.", "label_smoothing", min=0, max=0.9)] = None,
    augment: Annotated[
        Augment | None, option("light is flip and crop; full also changes the light and erases.", "augment")
    ] = None,
    freeze: Annotated[float | None, option("Part of the layers that stay as they are.", "freeze", min=0, max=1)] = None,
    seed: Annotated[int | None, option("Start of all random numbers.", "seed", min=0)] = None,
    limit: Annotated[int | None, option("Most pictures of each part of the data; 0: all.", "limit", min=0)] = None,
    precision: Annotated[
        Precision | None,
        option("bf16 is several times as fast with torch on a CPU with AMX or AVX-512 BF16.", "precision"),
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads; 0 uses every core.", min=0)] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last epoch that was finished.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Test-sized: 1 epoch, 300 pictures, 32 pixels.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Folder in which each model gets one; else `training` in the data folder.")
    ] = None,
    register: Annotated[bool, typer.Option("--register", help="Make it a version of the registered model.")] = False,
) -> None:
    """Train models on CIFAR-10 or on pictures of your own; every training is an MLflow run."""
    settings = Settings.load()
    fields = Recipe.__dataclass_fields__.keys() - {"data"}
    given = {name: value for name, value in context.params.items() if name in fields and value is not None}
    options = {**(QUICK if quick else {}), **given}
    places = data or ([Path(settings.data)] if settings.data and not resume else [])
    if places:
        options["data"] = tuple(str(place.resolve()) for place in places)
    for name in ("init", "teacher"):  # so that --resume finds them from another folder too
        if str(options.get(name, "")).endswith(FILES):
            options[name] = str(Path(options[name]).resolve())
    folder = output or settings.data_dir / "training"
    if variants := [name for name in models or [] if "@" in name]:
        raise TrainingError(f"{variants[0]}: precision is chosen when a model runs; name the model alone to train it")
    for spec in chosen(models):
        result = _train(spec, options, folder / spec.name, settings, threads, resume)
        _show(spec.name, result.evaluation)
        print(f"weights: {result.weights}")
        if register:
            version = Registry.open(settings.data_dir).add(spec.name, result.run_id, result.weights)
            print(f"registered: {version.uri}; `streamapp models promote {version.name} {version.number}` serves it")


def _train(
    spec: ModelSpec, options: dict[str, Any], folder: Path, settings: Settings, threads: int, resume: bool
) -> "Result":
    from training.train import Trainer

    if resume:
        return Trainer.resumed(options, folder, settings.data_dir, threads).run()
    return Trainer(Recipe.of(spec, options), folder, settings.data_dir, threads).run()


def evaluate(
    models: Models = None,
    weights: Annotated[str, typer.Option(help="Weights in place of the models' own: a path or URI.")] = "",
    data: Places = None,
    limit: Annotated[int, typer.Option(help="Most test pictures; 0: all.", min=0)] = 0,
) -> None:
    """Measure the accuracy of models on test pictures, as they answer in the platform."""
    from training.serving import evaluate_served

    settings = Settings.load()
    places = data or ([Path(settings.data)] if settings.data else [])
    specs = chosen(models, settings.weights)
    if weights:
        specs = [_with_weights(specs if models else [], weights)]
    for spec, result in evaluate_served(specs, settings, places, limit):
        _show(spec.name, result)


def _with_weights(named: list[ModelSpec], weights: str) -> ModelSpec:
    """The one model to try these weights with: the one that is named, with the input it was trained for, if known."""
    from training.export import recipe_in

    if len(named) > 1:
        raise TrainingError("--weights are those of one model; name no more than one")
    recipe = recipe_in(Path(weights))
    if weights.endswith(KERAS) and not Path(weights).exists():
        raise TrainingError(f"--weights {weights} does not exist")
    if recipe is None and not named:
        raise TrainingError(f"--weights {weights} do not say which model they are for: name the model too")
    if recipe is None:
        return replace(named[0], weights=weights)
    if named and named[0].architecture != recipe.architecture:
        raise TrainingError(f"--weights {weights} are of {recipe.architecture}, not of {named[0].architecture}")
    names = ("architecture", "input_size", "labels", "detail")
    trained = ModelSpec(recipe.model, weights=weights, **{name: getattr(recipe, name) for name in names})
    return replace(trained, name=named[0].name, precision=named[0].precision) if named else trained


def chosen(models: list[str] | None, weights: str = "") -> list[ModelSpec]:
    """The specs of these models, all where none is named, with the `weights` of the settings.

    Raises:
        ModelError: there is no such model.
    """
    import agents

    found = agents.specs("", weights)
    return [agents.contestant(name, found) for name in models or found]


def _show(name: str, result: Evaluation) -> None:
    """Print the accuracy per class, with intervals."""
    table = Table("class", "accuracy", "95 % interval", "pictures", title=f"{name}: {result.accuracy}")
    for label, rate in result.per_class.items():
        low, high = rate.interval
        table.add_row(label, f"{rate.value:.2%}", f"{low:.2%} to {high:.2%}", f"{rate.total:,}")
    Console().print(table)
