"""What `models show` and `models list` print where something is wrong."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streamapp.__main__ import cli
from streamapp.models import cli as models_cli
from streamapp.runtime import versions
from streamapp.runtime.registry import Version
from streamapp.runtime.spec import ModelSpec

FIRST = versions.Registered(Version("tiny", 1, "ab" * 32), (), datetime(2026, 11, 29, tzinfo=UTC), "run-7", {})


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAPP_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def takes_part(monkeypatch: pytest.MonkeyPatch, weights: str) -> None:
    monkeypatch.setattr(models_cli, "_specs", lambda _: {"tiny": ModelSpec("tiny", "TinyCNN", weights=weights)})


def test_versions_are_shown_before_one_is_the_champion(monkeypatch: pytest.MonkeyPatch) -> None:
    takes_part(monkeypatch, "models:/tiny@champion")
    monkeypatch.setattr(versions, "registered", lambda *_: [FIRST])
    answer = CliRunner().invoke(cli, ["models", "show", "tiny"])
    assert answer.exit_code == 1
    assert "run-7" in answer.stdout, "which version could be promoted"
    assert "error: model 'tiny': " in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_brackets_of_a_path_are_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    takes_part(monkeypatch, "/data/[/old]/x.keras")
    answer = CliRunner().invoke(cli, ["models", "list"])
    assert answer.exit_code == 1
    assert "/data/[/old]/x.keras" in answer.stdout
    assert "/data/[/old]/x.keras" in answer.stderr
