"""Work in a child process, because what it imports shall not stay in the parent; both sides of it."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from typing import IO

from streamapp.errors import ModelError, RegistryUnavailable, StreamappError
from streamapp.settings import Settings

#: How the line of an expected error begins.
ERROR = "error: "
#: Exit codes after such a line: for good, and where trying again may help (EX_TEMPFAIL of sysexits.h).
FAILED, TRY_AGAIN = 1, 75


def run(what: str, module: str, arguments: Sequence[str], settings: Settings, progress: Callable[[str], None]) -> None:
    """Run a module with these settings; `progress` gets each line that it prints, `what` says what it does.

    Raises:
        ModelError: it failed; the text is its own, where it ended with an expected error.
        RegistryUnavailable: likewise, and it may succeed later.
    """
    command = [sys.executable, "-m", module, *arguments]
    pipe = subprocess.PIPE
    error = ""
    with (
        tempfile.TemporaryFile("w+", errors="replace") as noise,
        # The child holds on to its standard input: when this process is gone, so is the child.
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=noise, text=True, env=environ(settings)) as child,
    ):
        for line in child.stdout or ():
            if line.startswith(ERROR):
                error = line.removeprefix(ERROR).strip()
            else:
                progress(line.rstrip())
        code = child.wait()
        if code:
            kind = RegistryUnavailable if error and code == TRY_AGAIN else ModelError
            raise kind(error or _unexpected(what, code, noise))


def serve(work: Callable[[], None]) -> int:
    """Do the work of a child; its exit code. An expected error becomes a line for the parent."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        work()
    except StreamappError as error:
        say(f"{ERROR}{error}")
        return TRY_AGAIN if isinstance(error, RegistryUnavailable) else FAILED
    return 0


def say(line: str) -> None:
    """Print a line of progress at once."""
    print(line, flush=True)


def end_with_parent() -> None:
    """End this process when its standard input ends: the parent is gone then."""
    while os.read(0, 1024):  # not sys.stdin: a thread that waits in it breaks the interpreter's end
        pass
    os._exit(3)


def environ(settings: Settings) -> dict[str, str]:
    """The environment that gives a child these settings, whatever this process' own say."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("STREAMAPP_")}
    return {**others, **settings.environ()}


def _unexpected(what: str, code: int, noise: IO[str]) -> str:
    """What to say when the child ended without saying why."""
    noise.seek(0)
    lines = [line.strip() for line in noise if line.strip()]
    last = lines[-1] if lines else "nothing was printed"
    if code == -signal.SIGKILL:
        last = "killed, perhaps for want of memory; it takes 1 GB"
    return f"{what} failed (exit code {code}): {last}"
