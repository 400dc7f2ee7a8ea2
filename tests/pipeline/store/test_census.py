"""What is on its way is always known; what is settled is counted as often as time allows."""

from collections.abc import Iterator, Sequence

import pytest

from pipeline.clock import SECOND, ManualClock
from pipeline.store.address import StoreAddress
from pipeline.store.census import SHARE, Census
from pipeline.store.event_store import EventStore
from pipeline.store.outbox import Counts
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event

SINKS = ("hook", "file")


class Slow:
    """A store in which counting everything takes a second."""

    def __init__(self, whole: EventStore, clock: ManualClock) -> None:
        self._whole = whole
        self._clock = clock
        self.counted = 0

    def outbox_counts(self) -> Counts:
        self.counted += 1
        self._clock.advance(SECOND)
        return self._whole.outbox_counts()

    def outbox_waiting(self, sinks: Sequence[str]) -> dict[str, int]:
        return self._whole.outbox_waiting(sinks)


@pytest.fixture
def store(place: StoreAddress) -> Iterator[EventStore]:
    with EventStore.open(place, analysis_sha256="a") as opened:
        commit(opened, 1, 4, *SINKS)
        yield opened


def commit(store: EventStore, first: int, last: int, *sinks: str) -> None:
    events = [sample_event("gate", n, id=f"gate-{n}") for n in range(first, last + 1)]
    store.commit("gate", events, Position(b"", 1, 1), lambda event: sinks)


def test_what_waits_is_exact_also_where_the_rest_was_counted_before(store: EventStore) -> None:
    clock = ManualClock()
    slow = Slow(store, clock)
    census = Census(slow, SINKS, clock)
    assert census.counts() == store.outbox_counts()
    store.delivered(store.pending("hook", 0)[0])
    commit(store, 5, 6, "file")
    assert census.counts()["hook"] == {"pending": 3, "delivered": 0, "dead": 0}
    assert census.counts()["file"] == {"pending": 6, "delivered": 0, "dead": 0}
    assert slow.counted == 1
    assert census.counts(exact=True) == store.outbox_counts()


def test_counting_everything_takes_a_small_share_of_the_time(store: EventStore) -> None:
    clock = ManualClock()
    slow = Slow(store, clock)
    census = Census(slow, SINKS, clock)
    for _ in range(200):
        census.counts()
        clock.advance(SECOND // 2)
    assert slow.counted <= 2 + 200 / SHARE
    store.delivered(store.pending("hook", 0)[0])
    clock.advance(SHARE * SECOND)
    assert census.counts() == store.outbox_counts(), "and it comes up to date"


def test_a_store_that_is_counted_at_once_is_always_counted(store: EventStore) -> None:
    census = Census(store, SINKS, ManualClock())
    for _ in range(3):
        store.delivered(store.pending("hook", 0)[0])
        assert census.counts() == store.outbox_counts()


def test_a_sink_without_a_row_waits_for_nothing(store: EventStore) -> None:
    assert store.outbox_waiting(["hook", "nobody"]) == {"hook": 4, "nobody": 0}
