"""`make bench`: every measurement of the platform, and what is wrong with one is wrong with all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks import __main__, idle, latency, readers, soak, uploads
from benchmarks.__main__ import SHORT, cli

WITH_DATA = {"latency": latency, "soak": soak, "readers": readers}


@pytest.mark.parametrize("missed", [None, "readers", "uploads"])
def test_all_of_them_are_taken_and_one_that_misses_its_goal_fails(
    missed: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, tuple[Any, ...]] = {}

    @contextmanager
    def target(data_dir: Path | None, *options: str, settings: Any = None) -> Iterator[tuple[Any, ...]]:
        yield (*options, settings)

    monkeypatch.setattr(__main__, "target", target)
    for name, module in {**WITH_DATA, "uploads": uploads, "idle": idle}.items():

        async def measure(place: Any, *, name: str = name, **how: Any) -> dict[str, Any]:
            asked[name] = (place, how)
            return {"name": name}

        def at_once(place: Any, **how: Any) -> dict[str, Any]:
            asked["idle"] = (place, how)
            return {"name": "idle"}

        monkeypatch.setattr(module, "measure", at_once if name == "idle" else measure)
        monkeypatch.setattr(module, "show", lambda result: result["name"] != missed)
    done = CliRunner().invoke(cli, ["all", "--output", str(tmp_path)])
    assert done.exit_code == (1 if missed else 0), done.output
    assert {path.stem for path in tmp_path.iterdir()} == set(SHORT) == set(asked)
    assert asked["uploads"] == (("--no-dashboard", uploads.ROLES), SHORT["uploads"])
    for name in WITH_DATA:
        assert asked[name][1] == {**SHORT[name], "data": None}
        assert json.loads((tmp_path / f"{name}.json").read_text())["options"] == SHORT[name]
