import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import TypeGuard

import pytest

from dash_ui.language import LANGUAGES, catalogue, locale, say, speaking, wanted

CODE = Path(__file__).parents[3] / "dash_ui"
# The command line and the words for logs and for other programs are not part of the page.
OUTSIDE = {"__main__.py"}
PROSE = re.compile(r"[A-Za-zÀ-ÿ]{2,}[,.:]? [A-Za-zÀ-ÿ]{2,}")
#: Properties that a person reads.
READ = {"title", "alt", "placeholder", "aria-label", "children", "label"}


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "es-MX,es;q=0.9,en;q=0.8", "es"),
        (None, "de,en;q=0.1,es;q=0.7", "es"),
        (None, "es;q=0, en;q=0.1", "en"),
        (None, "fr, q;;q=x, *", "en"),
        (None, "", "en"),
        ("es", "en", "es"),
        ("klingon", "es", "es"),
    ],
)
def test_the_choice_comes_before_the_browser_and_english_last(cookie: str | None, accepted: str, language: str) -> None:
    assert wanted(cookie, accepted) == language


def test_every_language_says_the_same_things_with_the_same_values() -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    english = catalogue("en")
    for language in LANGUAGES:
        other = catalogue(language)
        assert english.keys() - other.keys() == set(), f"missing in {language}"
        assert other.keys() - english.keys() == set(), f"only in {language}"
        assert [key for key in english if fields(english[key]) != fields(other[key])] == []
        assert [key for key, text in other.items() if not text.strip()] == []


def test_what_the_code_says_is_in_the_catalogue_and_nothing_else_is() -> None:
    said = {pattern for module in modules() for pattern in keys(module)}
    texts = {re.sub(r"[.](one|other)$", "", key) for key in catalogue("en")}
    patterns = [re.compile(pattern) for pattern in said]
    assert sorted(pattern for pattern in said if not any(re.fullmatch(pattern, key) for key in texts)) == []
    assert sorted(key for key in texts if not any(pattern.fullmatch(key) for pattern in patterns)) == []


def test_no_words_for_people_stand_in_the_code() -> None:
    found = [f"{module.name}:{node.lineno}: {node.value!r}" for module in modules() for node in words(module)]
    assert found == []


def test_plural_forms_are_those_of_the_language() -> None:
    assert say("race.missed", n=1, number="1") == "1 new image"
    assert say("race.missed", n=2, number="2") == "2 new images"
    with speaking("es"):
        assert say("race.missed", n=1, number="1") == "1 imagen nueva"
        assert {locale().plural_form(n) for n in range(1000)} == {"one", "other"}
    with pytest.raises(KeyError):
        say("race.nothing")


def test_a_language_that_is_not_here_is_english() -> None:
    with speaking("xx"):
        assert say("link.live") == "live"


def modules() -> list[Path]:
    return [path for path in sorted(CODE.rglob("*.py")) if path.name not in OUTSIDE]


def keys(module: Path) -> Iterator[str]:
    """The keys that a module may ask for, as patterns: `say(f"stage.{name}")` asks for `stage[.].*`."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("say", "known"):
            yield from patterns(node.args[0])
    # Keys may wait in tables until they are said.
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Constant) and node.value in catalogue("en"):
            yield re.escape(node.value)
        for form in ("one", "other"):
            if isinstance(node, ast.Constant) and f"{node.value}.{form}" in catalogue("en"):
                yield re.escape(str(node.value))


def patterns(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield re.escape(str(node.value))
    elif isinstance(node, ast.JoinedStr):
        parts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*" for part in node.values]
        yield "".join(parts)
    elif isinstance(node, ast.IfExp):
        yield from patterns(node.body)
        yield from patterns(node.orelse)


def words(module: Path) -> Iterator[ast.Constant]:
    """String literals that a person would read as words."""
    tree = ast.parse(module.read_text())
    skipped = set(not_shown(tree))
    for node in ast.walk(tree):
        if is_text(node) and node not in skipped and PROSE.search(node.value) and "var(--" not in node.value:
            yield node
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and is_component(node.func):
            shown = [*node.args, *(each.value for each in node.keywords if each.arg in READ)]
            for part in shown:
                for item in part.elts if isinstance(part, ast.List) else [part]:
                    if is_text(item) and re.search(r"[A-Za-z]{2}", item.value) and item.value not in NAMES:
                        yield item


#: What is called the same in every language.
NAMES = {"streamapp", "streamapp produce cifar10", " ms"}


def is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_component(func: ast.expr) -> bool:
    return isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id in ("html", "dmc")


def not_shown(tree: ast.Module) -> Iterator[ast.AST]:
    """Docstrings, class names, and words for logs and errors."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value
        if isinstance(node, ast.keyword) and node.arg in ("className", "meta_tags"):
            yield from ast.walk(node.value)
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            named = [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "className"]
            yield from (part for value in named for part in ast.walk(value))
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and is_for_programs(node.func)):
            yield from ast.walk(node)
        if isinstance(node, ast.Assign) and any(getattr(each, "id", "") in UNSEEN for each in node.targets):
            yield from ast.walk(node)


#: The markup of the first pages, headers, and an error that goes into the log.
UNSEEN = {"INDEX", "TROUBLE", "CHOICE", "POLICY", "HEADERS", "FOREVER", "error"}


def is_for_programs(func: ast.expr) -> bool:
    name = ast.unparse(func)
    return name.startswith("log.") or name in ("problem", "ApiDown", "ApiProblem", "html.Code")
