"""The embedded servers for real: their start, their protocols, their end."""

from tests.support.stack import Stack


def test_servers_answer_and_nothing_listens_outside(servers: Stack) -> None:
    assert set(servers.processes()) == {"kafka", "postgres", "objects", "redis"}
