"""Fixtures for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stack import Stack, running_servers, temporary_folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz-seconds", default="20", help="how long the upload check is fuzzed")


@pytest.fixture(scope="session")
def servers() -> Iterator[Stack]:
    """The embedded servers, started once for the whole run: `.broker`, `.database_url`, `.environ`, …"""
    with running_servers() as stack:
        yield stack


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a stack of one's own; unlike pytest's, PostgreSQL's user can reach it."""
    with temporary_folder() as made:
        yield made
