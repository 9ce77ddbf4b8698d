"""Memory and processor time of the platform's processes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

MIB = 1024 * 1024


@dataclass(frozen=True)
class Usage:
    """What one process and those below it use.

    Attributes:
        rss_mib: resident memory; a page that several processes share counts once for each of them.
        pss_mib: the same, but a shared page is divided among those who share it.
        cpu_percent: processor time since the sample before, in percent of one core.
    """

    rss_mib: float
    pss_mib: float
    cpu_percent: float

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.rss_mib + other.rss_mib, self.pss_mib + other.pss_mib, self.cpu_percent + other.cpu_percent)


NOTHING = Usage(0, 0, 0)


class Meter:
    """Samples the processes of one platform. The first sample's processor time counts from the making of the meter."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._at = time.monotonic()
        self._seconds = {process: _seconds(process) for tree in _trees(processes).values() for process in tree}

    def sample(self, processes: Mapping[str, int]) -> dict[str, Usage]:
        """What each named process uses now."""
        trees = _trees(processes)
        elapsed = time.monotonic() - self._at
        self._at += elapsed
        before = self._seconds
        self._seconds = {process: _seconds(process) for tree in trees.values() for process in tree}
        return {
            name: sum((self._usage(process, before, elapsed) for process in tree), NOTHING)
            for name, tree in trees.items()
        }

    def _usage(self, process: psutil.Process, before: Mapping[psutil.Process, float], elapsed: float) -> Usage:
        try:
            memory = process.memory_full_info()
        except psutil.NoSuchProcess:
            return NOTHING
        cpu = (self._seconds[process] - before.get(process, 0.0)) / elapsed * 100
        return Usage(memory.rss / MIB, memory.pss / MIB, max(cpu, 0.0))


def _trees(processes: Mapping[str, int]) -> dict[str, list[psutil.Process]]:
    """Each named process with those below it, without those that have a name of their own."""
    named = set(processes.values())
    return {name: _below(pid, named - {pid}) for name, pid in processes.items()}


def _below(pid: int, others: set[int]) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        children = process.children()
    except psutil.NoSuchProcess:
        return []
    return [process, *(each for child in children if child.pid not in others for each in _below(child.pid, others))]


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
