"""Bounds of the dispatcher."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the dispatcher, all durations in nanoseconds."""

    window: int = 256
    """Frames of a camera between the first uncommitted one and the last announced one."""
    hold: int = 8
    """Committed slots of a camera that wait for the reader, at most."""
    lease_ns: int = 10_000_000_000
    staleness_ns: int = 500_000_000
    """Live: age of an offer at which it is dropped instead of analysed."""
    lost_ns: int = 1_000_000_000
    """Age of a lease that its worker does not know of."""
