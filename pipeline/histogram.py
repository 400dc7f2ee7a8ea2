"""A histogram with logarithmic buckets: quantiles of latencies in constant memory, mergeable across processes.

The bucket scheme is DDSketch's (Masson, Rim and Lee, VLDB 2019): with ratio g = (1 + e) / (1 - e) between bucket
bounds, any quantile is off by at most the relative error e.
"""

import math
from typing import Self

import msgspec

_ERROR = 0.01
_RATIO = (1 + _ERROR) / (1 - _ERROR)
_LOG_RATIO = math.log(_RATIO)
_LEAST = 1e-9
"""Values up to this are counted as zero."""


class Histogram(msgspec.Struct):
    """Counts of values that are not negative, such as durations; quantiles within 1 % of the true value.

    A msgspec struct, so it can be sent and stored as it is.
    """

    buckets: dict[int, int] = {}
    zeros: int = 0

    def add(self, value: float, count: int = 1) -> None:
        """Count a value. One below zero (a clock that went back) is counted as zero; NaN and infinity raise
        ``ValueError``."""
        if not math.isfinite(value):
            raise ValueError(f"a histogram takes finite values, got {value}")
        if value <= _LEAST:
            self.zeros += count
            return
        bucket = math.ceil(math.log(value) / _LOG_RATIO)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    def merge(self, other: Self) -> None:
        """Add the counts of another one; the result is that of adding all values to one."""
        self.zeros += other.zeros
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    @property
    def count(self) -> int:
        """How many values."""
        return self.zeros + sum(self.buckets.values())

    def quantile(self, share: float) -> float | None:
        """The value that a share (0 to 1) of all values does not exceed, None if there are none."""
        if not 0 <= share <= 1:
            raise ValueError(f"a quantile's share lies between 0 and 1, got {share}")
        rank = max(math.ceil(share * self.count), 1)
        passed = self.zeros
        if passed >= rank:
            return 0.0
        for bucket in sorted(self.buckets):
            passed += self.buckets[bucket]
            if passed >= rank:
                return 2 * _RATIO**bucket / (_RATIO + 1)
        return None
