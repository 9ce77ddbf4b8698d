"""A small process that ends every process of a stack when the stack's own process is gone, however it went.

It is started as a program (standard library only) and reads from its standard input, which the parent holds open:
`+PID SIGNAL` adds a process group, `-PID` forgets one. At end of file each group left gets its signal, and SIGKILL
after `GRACE_S`.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable

GRACE_S = 4.0


def watch(lines: Iterable[str]) -> dict[int, int]:
    """The process groups that are left at the end of `lines`, with the signal that each wants."""
    groups: dict[int, int] = {}
    for line in lines:
        words = line[1:].split()
        if line.startswith("+"):
            groups[int(words[0])] = int(words[1])
        elif line.startswith("-"):
            groups.pop(int(words[0]), None)
    return groups


def end(groups: dict[int, int], grace_s: float = GRACE_S, sleep: Callable[[float], None] = time.sleep) -> None:
    """Signal the groups, last started first, wait at most `grace_s` seconds, kill what is left."""
    left = [group for group, number in reversed(groups.items()) if _signal(group, number)]
    deadline = time.monotonic() + grace_s
    while left and time.monotonic() < deadline:
        sleep(0.05)
        left = [group for group in left if _signal(group, 0)]
    for group in left:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    """Send a signal; False if the group is gone."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    """Watch standard input, then clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end(watch(sys.stdin))


if __name__ == "__main__":
    main()
