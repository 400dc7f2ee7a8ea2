"""What one sink may ask of the store: what it was told of and is not over."""

from collections.abc import Callable
from pathlib import Path

from pipeline.messages import Event
from pipeline.store.event_store import EventStore
from pipeline.store.past import Past
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event

START = Position(b"", 0, 0)


def to(*sinks: str) -> Callable[[Event], tuple[str, ...]]:
    return lambda _: sinks


def test_going_on_is_what_this_sink_was_told_of_and_is_not_over(tmp_path: Path) -> None:
    with EventStore.open(tmp_path / "events.db", analysis_sha256="a") as store:
        for ordinal, (name, sinks) in enumerate({"told": ("a", "b"), "other": ("b",), "over": ("a",)}.items(), start=1):
            event = sample_event("gate", ordinal, id=name, name=name)
            store.commit("gate", [event], START, to(*sinks))
        past = Past(store, "a")
        assert list(past.going_on()) == []
        for row in store.pending("a", 2**62):
            store.delivered(row)
        assert {event_id for event_id, *_ in past.going_on()} == {"told", "over"}
        end = sample_event("gate", 4, id="over", name="over", type="end", ended="left")
        store.commit("gate", [end], START, to("a"))
        assert list(past.going_on()) == [("told", "gate", "in_field", "told")]


def test_messages_are_those_of_the_event_also_where_the_sink_was_not_sent_them(tmp_path: Path) -> None:
    with EventStore.open(tmp_path / "events.db", analysis_sha256="a") as store:
        told = [sample_event("gate", 1), sample_event("gate", 2, type="update"), sample_event("gate", 3, id="another")]
        store.commit("gate", told, START, to())
        assert Past(store, "a").messages("sample") == told[:2]
