"""Which teachers are taken."""

import json
from dataclasses import replace
from pathlib import Path

import h5py
import pytest

from streamapp.errors import TrainingError
from streamapp.runtime import facts
from streamapp.runtime.spec import CIFAR10
from training.recipe import Recipe
from training.teacher import load_teacher

TEACHER = Recipe("tiny", "TinyCNN", 32, CIFAR10)


@pytest.mark.parametrize("labels", [CIFAR10[::-1], (*CIFAR10[:-1], "lorry")], ids=["order", "names"])
def test_a_teacher_of_other_classes_or_of_another_order_is_refused(tmp_path: Path, labels: tuple[str, ...]) -> None:
    file = tmp_path / "teacher.weights.h5"
    with h5py.File(file, "w") as made:
        made.attrs[facts.ATTRIBUTE] = json.dumps({"recipe": replace(TEACHER, labels=labels).portable()})
    with pytest.raises(TrainingError) as refused:
        load_teacher(replace(TEACHER, teacher=str(file)))
    assert f"trained for the classes {', '.join(labels)}; wanted, in this order: {', '.join(CIFAR10)}" in str(
        refused.value
    )
