"""A table with writes behind: values are changed in memory and written some time later, together."""

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, Protocol, TypeVar

V = TypeVar("V")


class Write(NamedTuple):
    """One entry of a table's changelog; without a value it deletes."""

    key: str
    partition: int
    value: bytes | None


class Backing(Protocol):
    """Where a shelf's values are kept once they are written: the data of a Faust table."""

    def get(self, key: str) -> bytes | None:
        """The value, if there is one."""

    def forget(self, key: str) -> None:
        """Drop an entry of a partition that another worker has now; its changelog stays as it is."""

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Everything that is kept."""


class Shelf(Generic[V]):
    """Reads see every change at once; `take` gives what must be written, and `kept` or `failed` says how it went.

    Values are encoded when they are taken, not at every change: an image's three answers cost one write.
    """

    def __init__(self, backing: Backing, decode: Callable[[str, bytes], V], encode: Callable[[V], bytes]) -> None:
        self.backing = backing
        self._decode = decode
        self._encode = encode
        self._changed: dict[str, V | None] = {}
        self._dirty: dict[str, tuple[int, float]] = {}

    def get(self, key: str) -> V | None:
        """The value as it is now."""
        if key in self._changed:
            return self._changed[key]
        value = self.backing.get(key)
        return None if value is None else self._decode(key, value)

    def encoded(self, key: str) -> bytes | None:
        """The value as it is now, in bytes."""
        if key not in self._changed:
            return self.backing.get(key)
        value = self._changed[key]
        return None if value is None else self._encode(value)

    def put(self, key: str, partition: int, value: V | None, now: float) -> None:
        """Change or, with None, delete a value. One that was changed in place must be put again."""
        self._changed[key] = value
        self._dirty.setdefault(key, (partition, now))

    def take(self, changed_before: float, deleted_before: float | None = None) -> list[Write]:
        """What must be written and has been changed before this time, or deleted before the other one; it is not taken
        twice.
        """
        until = {True: changed_before if deleted_before is None else deleted_before, False: changed_before}
        keys = [key for key, (_, since) in self._dirty.items() if since <= until[self._changed[key] is None]]
        return [Write(key, self._dirty.pop(key)[0], self.encoded(key)) for key in keys]

    def kept(self, writes: list[Write]) -> None:
        """These are on the broker and in the backing."""
        for write in writes:
            if write.key not in self._dirty:
                self._changed.pop(write.key, None)

    def failed(self, writes: list[Write], now: float) -> None:
        """These are not, or it is not known; they must be written again."""
        for write in writes:
            self._dirty.setdefault(write.key, (write.partition, now))

    def clear(self) -> None:
        """Forget what was not written: the messages behind it are read again, here or by another worker."""
        self._changed.clear()
        self._dirty.clear()
