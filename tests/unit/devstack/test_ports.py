"""Ports are free, near the usual one, and never given twice."""

import errno
import socket
from collections.abc import Iterator

import pytest

from streamapp.devstack.ports import PortBook
from streamapp.errors import DevStackError


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def book() -> Iterator[PortBook]:
    made = PortBook()
    yield made
    made.close()


def test_a_taken_port_is_passed_over(book: PortBook, taken: int) -> None:
    assert taken < book.claim(taken) < taken + 200


def test_the_same_port_is_not_given_twice(book: PortBook, taken: int) -> None:
    first, second = book.claim(taken), book.claim(taken)

    assert first != second


def test_another_stack_does_not_get_a_port_that_is_claimed_and_not_yet_bound(book: PortBook, taken: int) -> None:
    other = PortBook()
    claimed = book.claim(taken)

    assert other.claim(claimed) != claimed
    book.close()
    assert other.claim(claimed) == claimed
    other.close()


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(book: PortBook, taken: int) -> None:
    with pytest.raises(DevStackError, match=f"port {taken} .STREAMAPP_API_PORT. is in use"):
        book.claim(taken, "STREAMAPP_API_PORT")


def test_a_port_for_root_alone_is_not_said_to_be_in_use(book: PortBook, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(socket.socket):
        def bind(self, address: object, /) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(DevStackError, match=r"port 80 \(STREAMAPP_API_PORT\) needs root; set one of 1024 or more"):
        book.claim(80, "STREAMAPP_API_PORT")


def test_zero_takes_any_port(book: PortBook) -> None:
    assert book.claim(0) > 1023
