"""A queue across processes: tickets are write-locked bytes of one file, and the kernel frees those of the dead.

The file holds the next ticket's number in its first eight bytes. Taking a ticket is: lock the gate (byte 0), read and
raise the number, lock the byte of that number, unlock the gate. Whoever has no locked byte before its own is the first.
Locks belong to an open file (Linux "OFD" locks, man 2 fcntl), and each turn opens the file anew: so threads exclude
each other as processes do, and a deleted file is made again.

Who leaves rings the next one's doorbell, a socket with an abstract name, so that nobody has to poll fast. Only the
locks decide: a ring that is lost, or that a dead process could not give, costs `LOST_RING_S` at most.
"""

import errno
import fcntl
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

AVAILABLE = sys.platform == "linux" and hasattr(fcntl, "F_OFD_SETLK")

GATE = 0
FIRST = 1  # the byte of ticket 0; locks need no bytes behind them
COUNTER = struct.Struct("=Q")
FLOCK = struct.Struct("hhqqi4x")  # struct flock of 64-bit Linux: type, whence, start, length, pid
GATE_PAUSE_S = 0.00005
LOST_RING_S = 0.005


def _lock(kind: int, start: int, length: int = 1) -> bytes:
    return FLOCK.pack(kind, os.SEEK_SET, start, length, 0)


class Ticket:
    """A place in the queue."""

    def __init__(self, file: int, number: int) -> None:
        self._file = file
        self.number = number
        self._doorbell: socket.socket | None = None

    @classmethod
    def take(cls, path: Path, deadline: float) -> "Ticket | None":
        """The next ticket, or None if the gate did not open before `deadline` (of `time.monotonic`)."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            number = _next_number(file, deadline)
        except BaseException:
            os.close(file)
            raise
        if number is None:
            os.close(file)
            return None
        return cls(file, number)

    def before(self) -> Iterator[int]:
        """The tickets before this one that somebody still holds."""
        return _locked(self._file, 0, self.number)

    def wait(self, timeout_s: float) -> None:
        """Sleep until somebody rings, at most `timeout_s` and at most `LOST_RING_S`; it may return early."""
        timeout_s = min(timeout_s, LOST_RING_S)
        if self._doorbell is None:
            self._doorbell = self._hang_doorbell()
            return  # look once more: the ring may have come before the doorbell was there
        self._doorbell.settimeout(max(timeout_s, 0.0001))
        try:
            self._doorbell.recv(1)
        except TimeoutError:
            return

    def leave(self) -> None:
        """Give the place up and wake the next one."""
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, _lock(fcntl.F_UNLCK, FIRST + self.number))
            self._ring_next()
        finally:
            os.close(self._file)
            if self._doorbell is not None:
                self._doorbell.close()

    def _hang_doorbell(self) -> socket.socket:
        doorbell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            doorbell.bind(self._address(self.number))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:  # taken by a stranger: the locks are looked at every LOST_RING_S
                doorbell.close()
                raise
        return doorbell

    def _ring_next(self) -> None:
        """Ring at the first later ticket that listens; the ones that do not are gone, or will look by themselves."""
        later = range(self.number + 1, _read_counter(self._file))
        if not later:
            return
        bell = self._doorbell or socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bell.setblocking(False)
        try:
            for number in later:
                if self._ring(bell, number):
                    return
        finally:
            bell.close()

    def _ring(self, bell: socket.socket, number: int) -> bool:
        try:
            bell.sendto(b"!", self._address(number))
        except ConnectionRefusedError:
            return False
        except BlockingIOError:
            return True  # so many rings wait there already that one more has no room
        return True

    def _address(self, number: int) -> str:
        status = os.fstat(self._file)
        return f"\0streamapp-lane-{status.st_dev:x}-{status.st_ino:x}-{number}"


def _next_number(file: int, deadline: float) -> int | None:
    """Pass the gate, take a number and lock its byte."""
    while not _try(file, _lock(fcntl.F_WRLCK, GATE)):
        if time.monotonic() >= deadline:
            return None
        time.sleep(GATE_PAUSE_S)
    number = _read_counter(file)
    while not _try(file, _lock(fcntl.F_WRLCK, FIRST + number)):
        number += 1  # the file was emptied by a stranger while this ticket was held
    os.pwrite(file, COUNTER.pack(number + 1), 0)
    fcntl.fcntl(file, fcntl.F_OFD_SETLK, _lock(fcntl.F_UNLCK, GATE))
    return number


def _read_counter(file: int) -> int:
    content = os.pread(file, COUNTER.size, 0)
    number: int = COUNTER.unpack(content)[0] if len(content) == COUNTER.size else 0
    return number % 2**62


def _try(file: int, lock: bytes) -> bool:
    try:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, lock)
    except (BlockingIOError, PermissionError):  # both mean that somebody else has it
        return False
    return True


def _locked(file: int, first: int, end: int) -> Iterator[int]:
    """The tickets from `first` to before `end` that are locked by other open files, in no order."""
    if first >= end:
        return
    answer = fcntl.fcntl(file, fcntl.F_OFD_GETLK, _lock(fcntl.F_WRLCK, FIRST + first, end - first))
    kind, _, start, _, _ = FLOCK.unpack(answer)
    if kind == fcntl.F_UNLCK:
        return
    found = start - FIRST
    yield found
    yield from _locked(file, first, found)
    yield from _locked(file, found + 1, end)
