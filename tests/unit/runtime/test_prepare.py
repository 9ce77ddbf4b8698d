"""Preparing models: what the parent does around the child that converts."""

import subprocess
import sys
from pathlib import Path

import pytest

from streamapp.errors import ModelError
from streamapp.runtime import cache, load, prepare
from streamapp.runtime.spec import ModelSpec
from streamapp.settings import Settings

SPEC = ModelSpec("tiny", "TinyCNN", weights="fresh")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", lane_wait_s=1.5)


def child(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Start this code instead of the converter; its arguments are the converter's, the last model first."""
    real = subprocess.Popen

    def popen(command: list[str], **options: object) -> object:
        return real([sys.executable, "-c", code, *command[:2:-1]], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", popen)


def test_nothing_is_started_when_nothing_is_missing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with cache.exclusive(settings, pytest.fail):
        cache.store(SPEC, settings, lambda folder: ((folder / cache.IR).write_text(""), 0.0))
    monkeypatch.setattr(subprocess, "Popen", pytest.fail)
    prepare.prepare(settings, [SPEC], pytest.fail)


def test_the_child_gets_the_models_and_the_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAPP_LANE_WAIT_S", "9")
    child(
        monkeypatch,
        "import sys, json; from streamapp.settings import Settings; s = Settings.load(); "
        "print(json.loads(sys.argv[1])['name'], s.lane_wait_s, s.data_dir, flush=True); "
        "print('error: told to stop'); sys.exit(1)",
    )
    lines: list[str] = []
    with pytest.raises(ModelError, match=r"^told to stop$"):
        prepare.prepare(settings, [SPEC], lines.append)
    assert lines == [f"tiny 1.5 {settings.data_dir}"]


@pytest.mark.parametrize("background", [False, True])
def test_in_the_background_the_child_leaves_the_cores_and_the_memory_to_others(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, background: bool
) -> None:
    child(
        monkeypatch,
        "import os, sys; from streamapp.runtime import convert; before = os.nice(0); "
        "convert.convert_missing = lambda specs, _: print(specs[0].name, os.nice(0) - before, "
        "open('/proc/self/oom_score_adj').read().strip() == '1000'); convert.main(sys.argv[1:])",
    )
    lines: list[str] = []
    with pytest.raises(ModelError, match="not converted"):
        prepare.prepare(settings, [SPEC], lines.append, background=background)
    assert lines == ["tiny 10 True" if background else "tiny 0 False"]


def test_an_unexpected_end_tells_the_last_line(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    child(monkeypatch, "raise LookupError('the wheel fell off')")
    with pytest.raises(ModelError, match=r"failed \(exit code 1\): LookupError: the wheel fell off"):
        prepare.prepare(settings, [SPEC])


def test_a_killed_child_is_said_to_be_killed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    child(monkeypatch, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(ModelError, match=r"exit code -9\): killed, perhaps for want of memory"):
        prepare.prepare(settings, [SPEC])


def test_a_child_that_made_nothing_is_noticed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    child(monkeypatch, "pass")
    with pytest.raises(ModelError, match="not converted"):
        prepare.prepare(settings, [SPEC])


def test_the_converter_ends_when_its_parent_is_gone(settings: Settings) -> None:
    code = "from streamapp.runtime import child; child.end_with_parent()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        assert process.poll() is None
        assert process.stdin
        process.stdin.close()
        assert process.wait(10) == 3


@pytest.mark.parametrize("runtime", ["openvino", "keras"])
def test_what_is_not_converted_is_not_loaded(settings: Settings, runtime: str) -> None:
    with pytest.raises(ModelError, match="run `streamapp models prepare`"):
        load(SPEC, settings.model_copy(update={"runtime": runtime}))
