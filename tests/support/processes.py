"""Processes seen from outside: which there are, and whether they have ended."""

import time

import psutil


def descendants(pid: int) -> list[psutil.Process]:
    """Every process below `pid` now."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run. A zombie does not: it only waits for its new parent to notice."""
    return [one for one in processes if _status(one) not in ("gone", psutil.STATUS_ZOMBIE)]


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status()) if process.is_running() else "gone"
    except psutil.NoSuchProcess:
        return "gone"


def gone(processes: list[psutil.Process], wait_s: float) -> bool:
    """Whether all of them end within `wait_s` seconds."""
    deadline = time.monotonic() + wait_s
    while left := alive(processes):
        if time.monotonic() > deadline:
            print("still there:", left)
            return False
        time.sleep(0.02)
    return True
