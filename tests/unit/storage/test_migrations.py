import logging

import pytest

from streamapp.errors import SchemaMismatch
from streamapp.storage.migrations import Migration, available, check

ONE, TWO = Migration(1, "one", "SELECT 1"), Migration(2, "two", "SELECT 2")


def test_the_projects_migrations_are_numbered_without_gaps() -> None:
    assert [step.version for step in available()] == list(range(1, len(available()) + 1))


def test_what_is_missing_is_what_was_not_applied() -> None:
    assert check({}, [ONE, TWO]) == [ONE, TWO]
    assert check({1: ONE.sha256}, [ONE, TWO]) == [TWO]


def test_a_changed_step_is_named() -> None:
    with pytest.raises(SchemaMismatch, match=r"002_two\.sql"):
        check({1: ONE.sha256, 2: ONE.sha256}, [ONE, TWO])


def test_a_newer_database_is_used_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert check({1: ONE.sha256, 2: TWO.sha256, 3: "x"}, [ONE, TWO]) == []
    assert "[3]" in caplog.text
