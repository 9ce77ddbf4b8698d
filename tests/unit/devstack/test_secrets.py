"""Passwords are random, kept, and nobody else's to read."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from streamapp.devstack.secrets import Secrets, write_private
from streamapp.errors import DevStackError


def test_they_are_made_once_and_read_again(tmp_path: Path) -> None:
    made = Secrets.load(tmp_path / "secrets.json")
    read = Secrets.load(tmp_path / "secrets.json")

    assert made == read
    assert len({made.database_password, made.object_store_key, made.object_store_secret, made.redis_password}) == 4


def test_they_stay_fresh_until_the_database_was_told(tmp_path: Path) -> None:
    Secrets.load(tmp_path / "secrets.json")  # a start that ended before that
    again = Secrets.load(tmp_path / "secrets.json")
    replace(again, fresh=False).save(tmp_path / "secrets.json")

    assert again.fresh
    assert not Secrets.load(tmp_path / "secrets.json").fresh


def test_they_are_on_the_disk_before_they_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut would otherwise leave an empty file under their name."""
    seen: list[tuple[str, bool]] = []

    def fsync(file: int) -> None:
        written = Path(f"/proc/self/fd/{file}").read_text()
        seen.append((written, (tmp_path / "secrets.json").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    Secrets.load(tmp_path / "secrets.json")

    assert seen == [((tmp_path / "secrets.json").read_text(), False)]


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    Secrets.load(tmp_path / "secrets.json")

    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_private_file_stays_private_when_it_replaces_an_open_one(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("old")
    (tmp_path / "run.json").chmod(0o644)

    write_private(tmp_path / "run.json", "new")

    assert (tmp_path / "run.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("content", ["{", "[]", '{"other": 1}'])
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "secrets.json").write_text(content)

    with pytest.raises(DevStackError, match="is damaged; delete it"):
        Secrets.load(tmp_path / "secrets.json")
