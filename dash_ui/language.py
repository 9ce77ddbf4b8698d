"""The languages of the page: catalogues of texts, and which one is spoken now."""

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import Any

from babel import Locale, negotiate_locale

#: Code and name, in the order of the chooser; each has its file in `catalogues/`.
LANGUAGES = {"en": "English", "es": "Español"}
DEFAULT = "en"
COOKIE = "language"

_spoken: ContextVar[str] = ContextVar("language", default=DEFAULT)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Everything that is said in this block is said in this language."""
    token = _spoken.set(language if language in LANGUAGES else DEFAULT)
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> str:
    """The code of the language that is spoken now."""
    return _spoken.get()


def locale() -> Locale:
    """How the language that is spoken now writes numbers, lists and times."""
    return _locale(spoken())


def say(key: str, **values: Any) -> str:
    """A text of the catalogue, `{placeholders}` filled in; where it has plural forms, the one that fits `n`.

    Raises:
        KeyError: the catalogue has no such text.
    """
    texts = catalogue(spoken())
    if key not in texts:
        key = f"{key}.{locale().plural_form(values['n'])}"
    return texts[key].format_map(values)


def known(key: str, otherwise: str) -> str:
    """A text of the catalogue, or something else where it has none: for words that come with the data."""
    return catalogue(spoken()).get(key, otherwise)


def wanted(cookie: str | None, accepted: str) -> str:
    """The language somebody chose before, else the first of the browser's (`Accept-Language`) that is here."""
    if cookie in LANGUAGES:
        return cookie
    asked = sorted(filter(None, map(_preference, accepted.split(","))), key=lambda pair: -pair[1])
    found = negotiate_locale([code for code, _ in asked], list(LANGUAGES), sep="-")
    return found or DEFAULT


def _preference(part: str) -> tuple[str, float] | None:
    """`es-MX;q=0.8` as ("es-MX", 0.8); None where it is malformed or unwanted."""
    code, _, quality = part.strip().partition(";")
    try:
        weight = float(quality.strip().removeprefix("q=") or 1)
    except ValueError:
        return None
    return (code.strip(), weight) if code.strip() and weight > 0 else None


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language)


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every text of a language, by its key: `section.name`."""
    text = (files("dash_ui") / "catalogues" / f"{language}.toml").read_text(encoding="utf-8")
    return dict(_flat(tomllib.loads(text), ""))


def _flat(table: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, str(value)
