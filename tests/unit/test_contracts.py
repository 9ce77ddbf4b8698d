"""The rules about the code itself: what imports what, names, and sizes."""

import ast
import json
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("streamapp", "agents", "tables", "dash_ui")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]

FILE_LINES = 200
AGENT_LINES = 40
FUNCTION_LINES = 40
MEDIAN_FUNCTION_LINES = 8


def test_the_import_contracts_of_setup_cfg_are_kept() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("contract", "free"), [("heavy-frameworks", {"streamapp.runtime"}), ("store-clients", {"streamapp.storage"})]
)
def test_the_import_contracts_speak_of_every_module(contract: str, free: set[str]) -> None:
    """A new module would otherwise be free to import anything."""
    listed = set(_setup_cfg()[f"importlinter:contract:{contract}"]["source_modules"].split())
    there = {f"streamapp.{path.stem}" for path in (ROOT / "streamapp").iterdir() if _is_module(path)}
    assert there | {"agents", "tables", "dash_ui"} == listed | free


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("streamapp.__main__", {"tensorflow", "openvino", "mlflow"}),
        ("streamapp.application", {"tensorflow", "openvino"}),
        ("streamapp.runtime", {"tensorflow", "faust", "mlflow"}),
        ("streamapp.storage", {"tensorflow", "openvino", "faust"}),
        ("agents", {"tensorflow", "openvino", "faust"}),
        ("tables", {"tensorflow", "openvino", "faust", "aiokafka", "asyncpg"}),
        ("dash_ui.app", {"tensorflow", "openvino", "faust", "streamapp", "agents", "tables"}),
    ],
)
def test_a_process_that_imports_it_does_not_carry(module: str, forbidden: set[str]) -> None:
    """Seen at run time, where an import through a third module shows too."""
    code = f"import json, sys, {module}; print(json.dumps([name.split('.')[0] for name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) & forbidden == set()


def test_no_module_has_a_name_that_faust_skips() -> None:
    assert [path.name for path in FILES if "test_" in path.name] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_and_says_what_it_is_for(path: Path) -> None:
    source = path.read_text()
    limit = AGENT_LINES if path.parent == ROOT / "agents" and path.stem != "__init__" else FILE_LINES
    assert len(source.splitlines()) <= limit
    assert ast.get_docstring(ast.parse(source)), "no module docstring"


def test_functions_are_short() -> None:
    lengths = {
        f"{path.relative_to(ROOT)}:{node.name}": _length(node)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}
    assert median(lengths.values()) <= MEDIAN_FUNCTION_LINES


def test_the_lock_file_pins_every_direct_dependency() -> None:
    locked = {_plain(line) for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line}
    asked = _setup_cfg()["options"]["install_requires"].split() + _setup_cfg()["options.extras_require"]["dev"].split()
    assert {_plain(requirement) for requirement in asked} - locked == set()


def test_the_files_beside_the_code_are_installed_with_it() -> None:
    installed = {
        path
        for package, globs in _setup_cfg()["options.package_data"].items()
        for glob in globs.replace(",", " ").split()
        for path in ROOT.joinpath(*package.split(".")).glob(glob)
    }
    there = {
        path for package in PACKAGES for path in (ROOT / package).rglob("*.*") if path.suffix not in (".py", ".pyc")
    }
    assert there - installed == set()


def _setup_cfg() -> ConfigParser:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config


def _is_module(path: Path) -> bool:
    return path.stem != "__init__" and (path.suffix == ".py" or (path / "__init__.py").exists())


def _plain(requirement: str) -> str:
    """The normal name of a distribution, without version and extras."""
    for separator in "[<>=;":
        requirement = requirement.split(separator)[0]
    return requirement.strip().lower().replace("_", "-")


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
