"""The furthest that a condition went while it held: beyond that limit there would have been no event."""

from typing import Any

import msgspec

from stages.alert.trace import Comparison, trace


class Peak(msgspec.Struct):
    """The furthest value so far, and what it was measured against."""

    predicate: str
    value: int | float
    comparison: Comparison
    threshold: Any
    time_ns: int

    def entry(self) -> dict[str, Any]:
        """For the trace of the event's end; ``peak`` says that it is no condition of the end."""
        return trace(self.time_ns, self.predicate, self.value, self.comparison, self.threshold, facts={"peak": True})


def further(
    peak: Peak | None, predicate: str, value: Any, comparison: Comparison, threshold: Any, *, now_ns: int
) -> Peak | None:
    """The peak after another value: the largest against a least threshold, the smallest against a most one.

    None for what is no number or has no order.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or comparison in ("==", "in"):
        return None
    if peak is not None:
        beyond = value > peak.value if comparison in (">=", ">") else value < peak.value
        if not beyond:
            return peak
    plain = float(value) if isinstance(value, float) else value  # a float64 of NumPy is a float that no state takes
    return Peak(predicate, plain, comparison, threshold, now_ns)
