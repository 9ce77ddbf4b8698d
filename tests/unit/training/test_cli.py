"""What the commands answer before anything is trained."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from streamapp.__main__ import cli
from streamapp.errors import ModelError, TrainingError
from streamapp.runtime.spec import ModelSpec
from training import cli as cli_module
from training.checkpoints import STATE
from training.cli import chosen
from training.train import Trainer


def test_no_name_means_every_model() -> None:
    assert [spec.name for spec in chosen(None)] == ["efficientnet", "mobilenet", "resnet50"]
    assert [spec.name for spec in chosen(["resnet50"])] == ["resnet50"]


def test_an_unknown_model_is_told_which_there_are() -> None:
    with pytest.raises(ModelError, match=r"no model 'resnet51'.*efficientnet, mobilenet, resnet50"):
        chosen(["resnet51"])


def test_a_precision_is_evaluated_but_not_trained() -> None:
    assert [spec.name for spec in chosen(["mobilenet", "mobilenet@int8"])] == ["mobilenet", "mobilenet-int8"]
    answer = CliRunner().invoke(cli, ["train", "mobilenet@int8"])
    assert isinstance(answer.exception, TrainingError)
    assert str(answer.exception).startswith("mobilenet@int8: precision is chosen when a model runs")


def test_files_are_known_by_their_whole_path_so_that_resuming_finds_them_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def train(spec: ModelSpec, options: dict[str, Any], *_: Any) -> None:
        given.update(options)
        raise TrainingError("that is enough")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli_module, "_train", train)
    CliRunner().invoke(cli, ["train", "mobilenet", "--init", "a.tgz", "--teacher", "b.keras", "--data", "c.zip"])
    assert (given["init"], given["teacher"]) == (str(tmp_path / "a.tgz"), str(tmp_path / "b.keras"))
    assert given["data"] == (str(tmp_path / "c.zip"),)
    CliRunner().invoke(cli, ["train", "mobilenet", "--init", "scratch"])
    assert given["init"] == "scratch"


def test_resuming_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no training to --resume"):
        Trainer.resumed({}, tmp_path, tmp_path)


def test_a_damaged_state_says_which_folder_to_remove(tmp_path: Path) -> None:
    (tmp_path / STATE).write_text('{"recipe": ')
    with pytest.raises(TrainingError, match="remove that folder"):
        Trainer.resumed({}, tmp_path, tmp_path)
