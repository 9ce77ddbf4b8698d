"""A small process that ends every process of a stack when the stack's own process is gone, however it went.

It is started as a program (standard library only) with the grace in seconds as its argument, and reads from its
standard input, which the parent holds open: `+PID SIGNAL` adds a process group, `-PID` forgets one. At end of file
each group left gets its signal, and SIGKILL after the grace.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path


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


def end(groups: dict[int, int], grace_s: float) -> None:
    """Signal the groups, last started first, wait at most `grace_s` seconds, kill what is left."""
    left = [group for group, number in reversed(groups.items()) if _signal(group, number)]
    deadline = time.monotonic() + grace_s
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [group for group in left if _lives(group)]
    for group in left:
        _signal(group, signal.SIGKILL)


def _lives(group: int) -> bool:
    """Whether the group has a process that is more than a zombie, which only waits for a parent to notice."""
    if not _signal(group, 0):
        return False
    states = [stat for stat in map(_state_and_group, Path("/proc").glob("[0-9]*/stat")) if stat[1] == group]
    return not states or any(state != "Z" for state, _ in states)


def _state_and_group(path: Path) -> tuple[str, int]:
    try:
        state, _, group, *_ = path.read_text(errors="replace").rpartition(")")[2].split()
    except OSError:  # it ended meanwhile
        return "Z", 0
    return state, int(group)


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
    end(watch(sys.stdin), float(sys.argv[1]))


if __name__ == "__main__":
    main()
