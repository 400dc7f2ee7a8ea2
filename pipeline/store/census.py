"""How much is on its way to each sink and what became of the rest, told often without counting everything often."""

from collections.abc import Sequence
from typing import Protocol

from pipeline.clock import Clock
from pipeline.store.outbox import Counts

SHARE = 20
"""Counting everything may take one part in so many of the time."""


class Counted(Protocol):
    """What is counted: an event store."""

    def outbox_counts(self) -> Counts: ...  # noqa: D102  # as in the store
    def outbox_waiting(self, sinks: Sequence[str]) -> dict[str, int]: ...  # noqa: D102


class Census:
    """The outbox of one store. What waits is counted anew each time, along an index; what is settled only grows, and
    is counted the less often the longer that takes: it may lag behind, and is never too high."""

    def __init__(self, store: Counted, sinks: Sequence[str], clock: Clock) -> None:
        self._store = store
        self._sinks = sinks
        self._clock = clock
        self._counted: Counts | None = None
        self._next_ns = 0

    def counts(self, *, exact: bool = False) -> Counts:
        """Rows by sink and state. ``exact``: count everything now."""
        began = self._clock.monotonic_ns()
        if exact or self._counted is None or began >= self._next_ns:
            self._counted = self._store.outbox_counts()
            ended = self._clock.monotonic_ns()
            self._next_ns = ended + SHARE * (ended - began)
            return self._counted
        waiting = self._store.outbox_waiting(self._sinks)
        empty = {"pending": 0, "delivered": 0, "dead": 0}
        return {sink: {**self._counted.get(sink, empty), "pending": count} for sink, count in waiting.items()}
