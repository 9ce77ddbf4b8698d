"""Fixtures for every test."""

from collections.abc import Iterator

import pytest

from tests.support.stack import Stack, running_servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Stack]:
    """The embedded servers, started once for the whole run: `.broker`, `.database_url`, `.environ`, …"""
    with running_servers() as stack:
        yield stack
