"""Clocks, handed to whoever needs one. Media time never comes from here: it comes with the frames."""

import time
from typing import Protocol

SECOND = 1_000_000_000
"""Nanoseconds in a second; every time in a message is an int of nanoseconds."""


class Clock(Protocol):
    """What a process may ask about time."""

    def monotonic_ns(self) -> int:
        """Nanoseconds that never go back, the same in every process of this machine."""
        ...

    def wall_ns(self) -> int:
        """UTC in nanoseconds since 1970; may jump."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC in nanoseconds."""
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        """UTC in nanoseconds since 1970."""
        return time.time_ns()


class ManualClock:
    """A clock that moves only when told; for tests and replays."""

    def __init__(self, *, monotonic_ns: int = 0, wall_ns: int = 0) -> None:
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns

    def monotonic_ns(self) -> int:
        """The time set so far."""
        return self._monotonic_ns

    def wall_ns(self) -> int:
        """The time set so far."""
        return self._wall_ns

    def advance(self, nanoseconds: int) -> None:
        """Move both clocks forward."""
        self._monotonic_ns += nanoseconds
        self._wall_ns += nanoseconds
