"""`streamapp up`: one stack per data folder, from its start to its end."""

import asyncio
import logging
import signal
import sys

from streamapp.access import callers
from streamapp.devstack import folder
from streamapp.devstack.guarding import Guard
from streamapp.devstack.log import LibraryLog, LogBook
from streamapp.devstack.options import UpOptions
from streamapp.devstack.process import Surroundings
from streamapp.devstack.runfile import Lock, RunFile
from streamapp.devstack.stack import Stack
from streamapp.errors import StreamappError
from streamapp.ingest.produce.demo import check_stream
from streamapp.settings import Settings

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FAILED, KILLED = 1, 130


def run(settings: Settings, options: UpOptions) -> int:
    """Run the stack until a signal (exit status 0) or a failure (1) ends it; a second signal kills it (130)."""
    settings = settings.model_copy(update={"data_dir": settings.data_dir.resolve()})
    lock = Lock(settings.data_dir)
    try:
        callers.check(settings)
        check_stream(options.stream)
        folder.prepare(settings.data_dir)
        lock.acquire()
        return _locked(settings, options, lock)
    except (StreamappError, OSError) as error:
        print(f"streamapp up: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:  # while it waited for the lock
        return KILLED
    finally:
        lock.release()


def _locked(settings: Settings, options: UpOptions, lock: Lock) -> int:
    book = LogBook(settings.data_dir / "log")
    logging.basicConfig(handlers=[LibraryLog(book)], level=logging.ERROR, force=True)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what fails comes as an exception too
    guard = Guard()
    guard.start()
    runfile = RunFile(settings.data_dir)
    runfile.update()  # a killed run has left its own
    try:
        return asyncio.run(Run(settings, options, book).until_end(guard, lock, runfile))
    finally:
        runfile.remove()
        guard.close()
        book.close()


class Run:
    """One run: what ends it, and how it ends."""

    def __init__(self, settings: Settings, options: UpOptions, book: LogBook) -> None:
        self._settings = settings
        self._options = options
        self._book = book
        self._signals = 0

    async def until_end(self, guard: Guard, lock: Lock, runfile: RunFile) -> int:
        """Bring the stack up, wait for a signal or a failure, stop it. Raises what the failure was."""
        self._ending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stack = Stack(self._settings, self._options, Surroundings(self._book, guard, lock, runfile, self._fail))
        for number in SIGNALS:
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue  # started by nohup
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)
        await self._stack.start()
        bringing = asyncio.create_task(self._bring_up())
        try:
            await self._ending
        finally:
            bringing.cancel()
            await asyncio.wait((bringing,))
            await self._stack.stop()
        self._book.say("stopped")
        return KILLED if self._signals > 1 else 0

    async def _bring_up(self) -> None:
        try:
            await self._stack.bring_up()
        except Exception as error:  # a bug too must end the stack; `run` tells the two apart
            self._fail(error)

    # Both end the run before they speak: whatever becomes of the words, the stack must stop.

    def _fail(self, error: Exception) -> None:
        if not self._ending.done():
            self._ending.set_exception(error)
            self._book.say(f"{error}; stopping")

    def _on_signal(self) -> None:
        self._signals += 1
        if not self._ending.done():
            self._ending.set_result(None)
            self._book.say("stopping; Ctrl-C once more kills at once")
        elif self._signals > 1:
            self._stack.kill()
