"""The command `token`: how long a key may be good, and what is refused before anything is stored."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from streamapp.__main__ import cli
from streamapp.access.tokens import SUBJECT_CHARACTERS
from streamapp.commands import token
from streamapp.errors import SettingsError

FOR_EVER = "0"


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[float | None]:
    """For how many seconds each stored key is good; in a folder and with a secret of its own."""
    kept: list[float | None] = []

    async def add(key: Any, name: str, scopes: Sequence[str], seconds: float | None) -> None:
        kept.append(seconds)

    monkeypatch.setattr(token, "_add", add)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STREAMAPP_JWT_SECRET", "a secret of more than thirty-two characters")
    monkeypatch.setenv("COLUMNS", "200")
    return kept


def create(*options: str) -> Result:
    return CliRunner().invoke(cli, ["token", "create", "--scope", "read", *options])


@pytest.mark.parametrize("days", ["9999999", "36500.1", "inf", "nan", "-1"])
@pytest.mark.parametrize("extra", [(), ("--jwt",)], ids=["key", "token"])
def test_a_time_that_no_clock_has_is_refused(stored: list[float | None], days: str, extra: tuple[str, ...]) -> None:
    """The database takes what Python cannot read back: then no key could be listed any more."""
    result = create("--days", days, *extra)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit), "a refusal in one line, and no traceback"
    assert "between 0 and 36500" in result.stderr
    assert stored == []


@pytest.mark.parametrize(("days", "seconds"), [("36500", 36500 * 86400.0), ("0.5", 43200.0), (FOR_EVER, None)])
def test_how_long_a_key_is_good(stored: list[float | None], days: str, seconds: float | None) -> None:
    assert create("--days", days).exit_code == 0
    assert stored == [seconds]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("name", ["a" * (SUBJECT_CHARACTERS + 1), "ada\x07", ""])
def test_no_token_is_signed_that_the_api_would_refuse(name: str) -> None:
    result = create("--jwt", "--name", name)
    assert isinstance(result.exception, SettingsError)
    assert result.stdout == ""
