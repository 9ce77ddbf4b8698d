"""What is due when, on each partition: deadlines of races, and the end of races and buckets."""

from collections import defaultdict
from collections.abc import Callable
from heapq import heappop, heappush


class Schedule:
    """Times and keys, earliest first. An entry may be stale: the key's true time is asked for when it comes up."""

    def __init__(self, due_at: Callable[[str], float | None]) -> None:
        """`due_at` gives the time at which something must be done about a key, None when nothing ever must."""
        self._due_at = due_at
        self._heaps: dict[int, list[tuple[float, str]]] = defaultdict(list)

    def add(self, partition: int, due_at: float, key: str) -> None:
        """Look at `key` at this time."""
        heappush(self._heaps[partition], (due_at, key))

    def is_due(self, partition: int, now: float) -> bool:
        """Whether something is due on this partition; drops and corrects stale entries on the way."""
        heap = self._heaps[partition]
        while heap and heap[0][0] <= now:
            due_at, key = heap[0][0], heap[0][1]
            true = self._due_at(key)
            if true is not None and true <= now:
                return True
            heappop(heap)
            if true is not None:
                heappush(heap, (max(true, due_at), key))
        return False

    def take(self, partition: int, now: float) -> list[str]:
        """The keys that are due, and no longer scheduled."""
        keys: dict[str, None] = {}
        while self.is_due(partition, now):
            keys[heappop(self._heaps[partition])[1]] = None
        return list(keys)

    def clear(self) -> None:
        """Nothing is scheduled."""
        self._heaps.clear()

    def __len__(self) -> int:
        return sum(map(len, self._heaps.values()))
