"""The cache of converted models: whole or not there, one writer at a time."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from streamapp.errors import ModelError
from streamapp.runtime import cache
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import resolve
from streamapp.settings import Settings

SPEC = ModelSpec("tiny", "TinyCNN", weights="fresh")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def write(folder: Path) -> tuple[int, float]:
    (folder / cache.IR).write_bytes(b"graph")
    (folder / "model.bin").write_bytes(b"numbers")
    return 7, 2e9


def filled(settings: Settings) -> cache.Entry:
    with cache.exclusive(settings, pytest.fail):
        return cache.store(SPEC, settings, write)


def test_what_is_stored_is_found_with_its_facts(settings: Settings) -> None:
    assert cache.find(SPEC, settings) is None
    entry = filled(settings)
    assert cache.find(SPEC, settings) == entry
    assert entry.ir.read_bytes() == b"graph"
    info = entry.info(SPEC, "openvino", "f32")
    assert (info.parameters, info.flops, info.model, info.trained) == (7, 2e9, "tiny", False)
    assert info.size_bytes == len(b"graph") + len(b"numbers")
    assert info.model_version == resolve(SPEC, settings).version


@pytest.mark.parametrize("damage", ["shorter", "gone", "no meta", "half meta", "foreign meta"])
def test_what_is_damaged_is_not_used_and_is_made_again(settings: Settings, damage: str) -> None:
    folder = filled(settings).folder
    match damage:
        case "shorter":
            os.truncate(folder / "model.bin", 3)
        case "gone":
            (folder / cache.IR).unlink()
        case "no meta":
            (folder / cache.META).unlink()
        case "half meta":
            os.truncate(folder / cache.META, 10)
        case "foreign meta":
            (folder / cache.META).write_text('{"something": "else"}')
    assert cache.find(SPEC, settings) is None
    with pytest.raises(ModelError, match="'tiny' is not converted yet; run `streamapp models prepare`"):
        cache.require(SPEC, settings)
    assert filled(settings).ir.read_bytes() == b"graph"


def test_a_conversion_that_breaks_leaves_nothing_that_is_used(settings: Settings) -> None:
    def breaks(folder: Path) -> tuple[int, float]:
        write(folder)
        raise RuntimeError("killed in the middle")

    with pytest.raises(RuntimeError), cache.exclusive(settings, pytest.fail):
        cache.store(SPEC, settings, breaks)
    assert cache.find(SPEC, settings) is None
    assert len(list(cache.root(settings).glob(".new-*"))) == 1
    filled(settings)
    assert list(cache.root(settings).glob(".new-*")) == []


def test_everything_that_changes_the_conversion_changes_the_folder() -> None:
    weights = resolve(SPEC, Settings())
    names = {
        cache.folder_name(SPEC, weights),
        cache.folder_name(replace(SPEC, architecture="ResNet50"), weights),
        cache.folder_name(replace(SPEC, input_size=32), weights),
        cache.folder_name(replace(SPEC, labels=("cat", "dog")), weights),
        cache.folder_name(SPEC, replace(weights, digest="0" * 64)),
        cache.folder_name(SPEC, replace(weights, kind="keras")),
        cache.folder_name(SPEC, weights, "int8"),
        cache.folder_name(replace(SPEC, detail=None), weights, "int8"),
    }
    assert len(names) == 8
    assert cache.folder_name(replace(SPEC, name="other", detail=None), weights, "bf16") in names


def test_int8_is_an_entry_of_its_own_and_bf16_is_not(settings: Settings) -> None:
    filled(settings)
    assert cache.find(replace(SPEC, precision="bf16"), settings) == cache.find(SPEC, settings)
    assert cache.find(SPEC.at("int8"), settings) is None
    assert cache.find(SPEC, settings.model_copy(update={"precision": "int8"})) is None


def test_the_versions_of_the_makers_count(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = resolve(SPEC, Settings())
    before = cache.folder_name(SPEC, weights)
    monkeypatch.setattr(cache, "version", lambda name: "0.0")
    assert cache.folder_name(SPEC, weights) != before


def test_two_processes_write_one_after_the_other(settings: Settings) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from streamapp.runtime import cache; from streamapp.settings import Settings\n"
        "with cache.exclusive(Settings(data_dir=Path(sys.argv[1])), lambda: print('waiting', flush=True)):\n"
        "    print('in', flush=True); sys.stdin.readline()"
    )
    command = [sys.executable, "-c", code, str(settings.data_dir)]
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as first,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as second,
    ):
        assert first.stdout and second.stdout and first.stdin and second.stdin
        one, other = (first, second) if first.stdout.readline() == "in\n" else (second, first)
        assert one is second or second.stdout.readline() == "waiting\n"
        one.communicate("\n")
        assert other.communicate("\n")[0].endswith("in\n")
