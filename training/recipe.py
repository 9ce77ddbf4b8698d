"""Everything that decides how a training goes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streamapp.errors import TrainingError
from streamapp.runtime.spec import ModelSpec

#: Files that a network can start from: of torch, of TensorFlow.js, of Keras.
TORCH, TFJS, KERAS = (".pt", ".pth", ".whl"), (".tgz",), (".keras", ".weights.h5")
FILES = KERAS + TORCH + TFJS


@dataclass(frozen=True)
class Recipe:
    """The recipe of one training; the same recipe on the same data makes the same pictures in the same order.

    `learning_rate` is the peak of the one-cycle schedule. `augment` is a key of `training.augment.KINDS`. `freeze` is
    the part of the layers, counted from the input, that keep what they start from. `teacher` is a Keras file, or
    exported weights, whose answers are mixed into the labels by `teacher_share`. `limit` is the largest number of
    pictures of each part of the data, 0 for all. `precision` is what is calculated in; the weights are kept in f32.
    `detail` is that of the `ModelSpec`.
    """

    model: str
    architecture: str
    input_size: int
    labels: tuple[str, ...]
    data: tuple[str, ...] = ()
    epochs: int = 12
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.1
    augment: str = "full"
    init: str = "scratch"
    freeze: float = 0.0
    teacher: str = ""
    teacher_share: float = 0.5
    seed: int = 0
    limit: int = 0
    precision: str = "f32"
    detail: int | None = 32

    @classmethod
    def of(cls, spec: ModelSpec, options: Mapping[str, Any]) -> "Recipe":
        """The recipe for a model; options that are None take their default."""
        given = {name: value for name, value in options.items() if value is not None}
        names = ("architecture", "input_size", "labels", "detail")
        return cls(**{"model": spec.name, **{name: getattr(spec, name) for name in names}, **given})

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Recipe":
        """The recipe that `to_json` wrote."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
        }
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """All of it, for a file."""
        return asdict(self)

    def portable(self) -> dict[str, Any]:
        """All of it, with the names of files in place of where they lay, for a file that travels."""
        names = {"data": [Path(place).name for place in self.data], "teacher": Path(self.teacher).name}
        return {**self.to_json(), **names, "init": Path(self.init).name}

    def check_files(self) -> None:
        """Refuse weights that are not there before anything is read.

        Raises:
            TrainingError: `init` is no way to start, or a file of it or of the teacher is missing.
        """
        files = {"--teacher": self.teacher} if self.teacher else {}
        if self.init not in ("scratch", "imagenet"):
            if not self.init.endswith(FILES):
                raise TrainingError(f"--init {self.init}: neither imagenet, scratch nor a file of {', '.join(FILES)}")
            files["--init"] = self.init
        for option, path in files.items():
            if not Path(path).is_file():
                raise TrainingError(f"{option} {path} is no file")

    def check_same(self, options: Mapping[str, Any]) -> None:
        """Refuse options that differ from this recipe, for a training that goes on.

        Raises:
            TrainingError: one does; the text names it.
        """
        for name, value in options.items():
            mine = getattr(self, name)
            if value is not None and value != mine:
                option = "--" + name.replace("_", "-")
                raise TrainingError(
                    f"{self.model}: the training to --resume has {option} {mine}, not {value}; leave that option out, "
                    "or leave --resume out to start anew"
                )
