"""What ends a run of `streamapp up`, whatever becomes of its words, and what keeps it from starting."""

import asyncio
import errno
from pathlib import Path

import pytest

from streamapp.devstack import up
from streamapp.devstack.log import LogBook
from streamapp.devstack.options import UpOptions
from streamapp.errors import DevStackError
from streamapp.settings import Settings


class Mute(LogBook):
    """A book that cannot be written."""

    def say(self, text: str) -> None:
        raise OSError(errno.EIO, text)


@pytest.fixture
async def run(tmp_path: Path) -> up.Run:
    """A run that waits for its end, and has no stack to stop."""
    made = up.Run(Settings.load({}), UpOptions(), Mute(tmp_path))
    made._ending = asyncio.get_running_loop().create_future()
    return made


async def test_a_signal_ends_it_even_if_that_cannot_be_said(run: up.Run) -> None:
    with pytest.raises(OSError, match="stopping"):
        run._on_signal()

    assert run._ending.result() is None


async def test_a_failure_ends_it_even_if_that_cannot_be_said(run: up.Run) -> None:
    failure = DevStackError("kafka failed")
    with pytest.raises(OSError, match="kafka failed; stopping"):
        run._fail(failure)

    assert run._ending.exception() is failure


def test_a_mistyped_stream_is_an_error_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(up, "_locked", lambda *_: pytest.fail("it starts"))
    settings = Settings.load({"STREAMAPP_DATA_DIR": str(tmp_path / "data")})

    assert up.run(settings, UpOptions(demo=True, stream="cifar")) == 1
    assert capsys.readouterr().err == "streamapp up: no stream 'cifar': choose one of auto, cifar10, photos\n"
    assert not (tmp_path / "data").exists()
