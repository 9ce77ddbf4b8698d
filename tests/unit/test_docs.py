"""The documents say what the code does: settings, commands, links, routes and names that really exist."""

import ast
import re
import shlex
from pathlib import Path
from typing import get_args

import pytest
import typer
from pydantic.fields import FieldInfo

import streamapp
from streamapp.__main__ import cli
from streamapp.settings import NOT_SETTINGS, PREFIX, Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "streamapp/weights/README.md"]
READMES = [ROOT / "README.md", ROOT / "README.es.md"]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE_BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


def documents() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def row(name: str, field: FieldInfo) -> str:
    """The line of docs/settings.md for one setting, its values written as the variable takes them."""
    default = str(field.default).lower() if field.annotation is bool else str(field.default)
    choices = ("true", "false") if field.annotation is bool else get_args(field.annotation)
    values = " One of " + ", ".join(f"`{choice}`" for choice in choices) + "." if choices else ""
    return f"| `{PREFIX}{name.upper()}` | {f'`{default}`' if default else 'empty'} | {field.description}{values} |"


def test_docs_settings_lists_each_setting_with_its_default_and_nothing_else() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    listed = {line for line in text.splitlines() if line.startswith(f"| `{PREFIX}")}
    expected = {row(name, field) for name, field in Settings.model_fields.items()}
    assert "\n".join(sorted(expected - listed)) == "", "lines to add to docs/settings.md"
    assert "\n".join(sorted(listed - expected)) == "", "lines of docs/settings.md that are not true"
    assert all(f"`{name}`" in text for name in NOT_SETTINGS)


@documents()
def test_relative_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(path.read_text()):
        if not re.match(r"[a-z]+:", link):
            target, _, anchor = link.partition("#")
            file = path.parent / target if target else path
            assert file.exists(), link
            assert not anchor or anchor in _anchors(file), link


@documents()
def test_commands_of_make_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", path.read_text())) <= targets


@documents()
def test_commands_of_streamapp_exist_with_their_options(path: Path) -> None:
    root = typer.main.get_command(cli)
    for words in _streamapp_commands(path.read_text()):
        command, rest = root, words
        while rest and rest[0] in getattr(command, "commands", {}):
            command, rest = command.commands[rest[0]], rest[1:]  # type: ignore[attr-defined]
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        group = hasattr(command, "commands") and not command.invoke_without_command  # type: ignore[attr-defined]
        assert not group or rest in ([], ["--help"]), f"no such command: {words}"
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert given <= options | {"--help"}, f"no such option: {words}"


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)
def test_readme_shows_the_two_commands_one_request_and_the_screen(path: Path) -> None:
    blocks = CODE_BLOCK.findall(path.read_text())
    assert {"make demo", "make test"} <= {line.split("#")[0].strip() for block in blocks for line in block.splitlines()}
    assert any(line.startswith("curl ") for block in blocks for line in block.splitlines())
    screen = "dashboard.es.png" if path.name == "README.es.md" else "dashboard.png"
    assert f"(docs/images/{screen})" in path.read_text()


def test_both_readmes_have_the_same_links_and_commands() -> None:
    english, spanish = (
        [link.replace(".es.png", ".png") for link in LINK.findall(path.read_text())] for path in READMES
    )
    assert [link for link in english if link != "README.es.md"] == [link for link in spanish if link != "README.md"]
    commands = [
        [line.split("#")[0].rstrip() for block in CODE_BLOCK.findall(path.read_text()) for line in block.splitlines()]
        for path in READMES
    ]
    assert commands[0] == commands[1]


@documents()
def test_names_said_after_a_link_to_a_module_are_defined_there(path: Path) -> None:
    """As in "[`streamapp/classify.py`](…) `Classifier`, `lap()`": up to the next link or the end of the line."""
    for line in path.read_text().splitlines():
        for target, said in re.findall(r"\]\(([^)]+\.py)\)([^\[]*)", line):
            defined = _defined(path.parent / target)
            for name in re.findall(r"`([A-Za-z_]\w*)(?:\(\))?`", said):
                assert name in defined, f"{target} defines no {name}"


def test_the_architecture_page_names_every_module() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    modules = [path.stem for path in (ROOT / "streamapp").glob("*.py") if path.stem != "__init__"]
    modules += [path.parent.name for path in (ROOT / "streamapp").glob("*/__init__.py")]
    assert [name for name in modules if f"streamapp/{name}" not in text] == []


def test_the_changelog_knows_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## \[(Unreleased|{re.escape(streamapp.__version__)})\]", text, re.MULTILINE)


def _anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _streamapp_commands(text: str) -> list[list[str]]:
    """The words after `streamapp` in code blocks and in inline code."""
    lines = [line for block in CODE_BLOCK.findall(text) for line in block.splitlines()]
    lines += re.findall(r"`((?:python -m )?streamapp [a-z][^`]*)`", CODE_BLOCK.sub("", text))
    found = []
    for line in lines:
        words = shlex.split(line, comments=True)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words = words[1:]
        words = words[2:] if words[:2] == ["python", "-m"] else words
        if words and words[0].split("/")[-1] == "streamapp":
            found.append(words[1:])
    return found


def _defined(path: Path) -> set[str]:
    """Every class, function and variable that a module defines, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names
