"""Quantiles of times in milliseconds that merge exactly: DDSketch with 1 % relative accuracy.

Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019.
A value falls into the bin of its logarithm, and a bin is a count, so the sketch depends on which values were added and
never on their order. A t-digest depends on the order, and a table that is rebuilt after a crash would then differ.
For the same reason the sum is a whole number of nanoseconds: a sum of floats depends on the order too.
"""

from dataclasses import dataclass, field
from math import ceil, log

#: Relative accuracy: a quantile differs from the true value by at most this share of it.
ACCURACY = 0.01
GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
LOG_GAMMA = log(GAMMA)
#: Shorter times count as 0 ms: below a microsecond a clock says nothing.
MIN_MS = 0.001
#: Longer times count as this, 28 hours: the sum of very many then still fits into 64 bits.
MAX_MS = 1e8
NS_PER_MS = 1_000_000

Packed = list[int]


@dataclass(slots=True)
class Sketch:
    """Counts of times by the logarithm of their length, with their exact number, sum, smallest and largest."""

    bins: dict[int, int] = field(default_factory=dict)
    zeros: int = 0
    count: int = 0
    sum_ns: int = 0
    min_ns: int = 0
    max_ns: int = 0

    def add(self, value_ms: float) -> None:
        """Count one time in milliseconds. A negative one, from clocks that disagree, counts as 0."""
        value_ms = 0.0 if value_ms < MIN_MS else min(value_ms, MAX_MS)
        value_ns = round(value_ms * NS_PER_MS)
        if value_ms:
            index = ceil(log(value_ms) / LOG_GAMMA)
            self.bins[index] = self.bins.get(index, 0) + 1
        else:
            self.zeros += 1
        self._count(1, value_ns, value_ns, value_ns)

    def merge(self, other: "Sketch") -> None:
        """Take in everything that `other` has counted: the same as having added its values here."""
        for index, count in other.bins.items():
            self.bins[index] = self.bins.get(index, 0) + count
        self.zeros += other.zeros
        if other.count:
            self._count(other.count, other.sum_ns, other.min_ns, other.max_ns)

    def _count(self, count: int, sum_ns: int, min_ns: int, max_ns: int) -> None:
        self.min_ns = min(self.min_ns, min_ns) if self.count else min_ns
        self.max_ns = max(self.max_ns, max_ns)
        self.count += count
        self.sum_ns += sum_ns

    @property
    def sum(self) -> float:
        """Sum in milliseconds."""
        return self.sum_ns / NS_PER_MS

    @property
    def min(self) -> float | None:
        """Smallest time in milliseconds; none of nothing."""
        return self.min_ns / NS_PER_MS if self.count else None

    @property
    def max(self) -> float | None:
        """Largest time in milliseconds; none of nothing."""
        return self.max_ns / NS_PER_MS if self.count else None

    @property
    def mean(self) -> float | None:
        """Mean in milliseconds, exact to the nanosecond; none of nothing."""
        return self.sum / self.count if self.count else None

    def quantile(self, q: float) -> float | None:
        """The lower `q`-quantile in milliseconds, within 1 % (algorithm 2 of the paper); none of nothing.

        Raises:
            ValueError: `q` is not between 0 and 1.
        """
        if not 0 <= q <= 1:
            raise ValueError(f"a quantile is between 0 and 1, not {q}")
        if not self.count:
            return None
        rank, seen = q * (self.count - 1), self.zeros
        if seen > rank:
            return 0.0
        for index in sorted(self.bins):
            seen += self.bins[index]
            if seen > rank:
                middle = 2 * GAMMA**index / (GAMMA + 1)
                return min(max(middle, self.min_ns / NS_PER_MS), self.max_ns / NS_PER_MS)
        raise AssertionError("the bins hold fewer values than were counted")  # pragma: no cover

    def to_json(self) -> Packed:
        """As a short list for JSON: zeros, sum, smallest, largest, then each bin's distance to the last and count."""
        packed, last = [self.zeros, self.sum_ns, self.min_ns, self.max_ns], 0
        for index in sorted(self.bins):
            packed += [index - last, self.bins[index]]
            last = index
        return packed

    @classmethod
    def from_json(cls, packed: Packed) -> "Sketch":
        """From `to_json`."""
        zeros, sum_ns, min_ns, max_ns = packed[:4]
        bins, index = {}, 0
        for distance, count in zip(packed[4::2], packed[5::2], strict=True):
            index += distance
            bins[index] = count
        return cls(bins, zeros, zeros + sum(bins.values()), sum_ns, min_ns, max_ns)
