"""One merged log, a colour per process, a file per process."""

import errno
import io
import re
from pathlib import Path

import pytest

from streamapp.devstack.log import LogBook


class Gone(io.StringIO):
    """A console that takes nothing any more."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def write(self, text: str, /) -> int:
        raise self._error


def test_a_line_has_time_name_and_text(tmp_path: Path) -> None:
    console = io.StringIO()
    book = LogBook(tmp_path, console)
    book.write("kafka", "hello")
    book.close()

    assert re.fullmatch(r"\d\d:\d\d:\d\d kafka +\| hello\n", console.getvalue())
    assert re.fullmatch(r"\d\d:\d\d:\d\d hello\n", (tmp_path / "kafka.log").read_text())


def test_each_process_has_a_colour_of_its_own_on_a_terminal_only(tmp_path: Path) -> None:
    console = io.StringIO()
    book = LogBook(tmp_path, console, colour=True)
    for name in ("kafka", "redis", "kafka"):
        book.write(name, "x")
    first, second, third = re.findall(r"\x1b\[(\d+)m\w", console.getvalue())

    assert first == third != second
    assert LogBook(tmp_path, io.StringIO())._colour is False
    book.close()


def test_files_are_emptied_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "kafka.log").write_text("of the last run\n")
    book = LogBook(tmp_path, io.StringIO())
    book.write("kafka", "new")
    book.close()

    assert "last run" not in (tmp_path / "kafka.log").read_text()


def test_quiet_lines_go_to_the_file_only_and_noise_nowhere(tmp_path: Path) -> None:
    console = io.StringIO()
    book = LogBook(tmp_path, console)
    book.write("postgres", "creating subdirectories ... ok", quiet=True)
    book.write("kafka", "libc.so.6: weak version `GLIBC_2.39' not found")
    book.close()

    assert console.getvalue() == ""
    assert [path.name for path in tmp_path.iterdir()] == ["postgres.log"]


@pytest.mark.parametrize(
    "error",
    [
        BrokenPipeError(),  # `up | head`
        OSError(errno.EIO, "the terminal was closed"),
        OSError(errno.ENOSPC, "the disk of `up > file` is full"),
        ValueError("I/O operation on closed file"),
    ],
    ids=lambda error: str(error) or type(error).__name__,
)
def test_the_files_go_on_when_the_console_is_gone(tmp_path: Path, error: Exception) -> None:
    book = LogBook(tmp_path, Gone(error))
    book.write("kafka", "one")
    book.write("kafka", "two")
    book.close()

    assert "two" in (tmp_path / "kafka.log").read_text()


def test_a_file_that_cannot_be_written_is_said_once_and_the_console_goes_on(tmp_path: Path) -> None:
    console = io.StringIO()
    (tmp_path / "kafka.log").mkdir()
    book = LogBook(tmp_path, console)
    book.write("kafka", "one")
    book.write("kafka", "two")

    assert console.getvalue().count("cannot be written") == 1
    assert "two" in console.getvalue()
