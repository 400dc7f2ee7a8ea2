"""What lies in the outbox, looked at and sent again; on each database."""

import json
from collections.abc import Iterator

import pytest

from pipeline.clock import SECOND, ManualClock
from pipeline.store.address import StoreAddress
from pipeline.store.event_store import EventStore
from pipeline.store.letters import UNSETTLED, Left
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event

NOW = 1_000 * SECOND


@pytest.fixture
def store(place: StoreAddress) -> Iterator[EventStore]:
    """Three messages for two sinks: at ``hook`` the first is dead, the second failed."""
    clock = ManualClock(wall_ns=NOW)
    with EventStore.open(place, analysis_sha256="a", clock=clock) as opened:
        for camera, ordinal in (("gate", 1), ("yard", 1), ("yard", 2)):
            event = sample_event(camera, ordinal, id=f"event-{camera}")
            opened.commit(camera, [event], Position(b"", 0, 0), lambda _: ["hook", "file"])
        gate, yard, _ = opened.pending("hook", NOW)
        opened.dead(gate, "410")
        opened.failed(yard, "503", NOW + SECOND)
        opened.decisions.digest("hook", sample_event("", 9, type="digest"))
        yield opened


def test_messages_and_digests_are_read_alike(store: EventStore) -> None:
    found = store.letters.page(states=UNSETTLED, sinks=["hook"])
    assert [(one.message_id, one.event_id, one.state, one.type) for one in found] == [
        ("sample-gate-1", "event-gate", "dead", "start"),
        ("sample-yard-1", "event-yard", "pending", "start"),
        ("sample-yard-2", "event-yard", "pending", "start"),
        ("sample--9", "", "pending", "digest"),
    ]
    assert (found[1].attempts, found[1].next_attempt_ns, found[1].last_error) == (1, NOW + SECOND, "503")
    assert found[0].settled_ns == found[3].since_ns == NOW
    assert len(store.letters.page(states=UNSETTLED, limit=6)) == 6
    assert len(store.letters.page(states=UNSETTLED)) == 7
    assert store.letters.sinks() == ["file", "hook"]


def test_what_is_left_is_counted_by_reason(store: EventStore) -> None:
    assert store.letters.left(["hook"]) == [
        Left("hook", "pending", "503", 1), Left("hook", "pending", "", 2), Left("hook", "dead", "410", 1),
    ]  # fmt: skip
    assert Left("file", "pending", "", 3) in store.letters.left()


def test_only_the_dead_that_are_meant_are_sent_again(store: EventStore) -> None:
    assert store.letters.resend(sinks=["file"]) == {}
    assert store.letters.resend(event_ids=["event-yard"]) == {}
    assert store.letters.resend(event_ids=["event-yard", "event-gate"]) == {"hook": 1}
    (again, *_) = store.pending("hook", NOW)
    assert (again.message_id, again.attempts, again.first_attempt_ns) == ("sample-gate-1", 1, None)
    assert store.letters.resend() == {}


def test_a_dead_digest_is_sent_again_with_all_others(store: EventStore) -> None:
    (digest,) = store.digests.pending("hook", NOW, 9)
    store.digests.dead(digest, "410")
    assert store.letters.resend(event_ids=["event-gate"]) == {"hook": 1}
    assert store.letters.resend() == {"hook": 1}
    assert json.loads(store.digests.pending("hook", NOW, 9)[0].body)["type"] == "digest"


def test_what_waits_for_its_next_attempt_can_be_tried_at_once(store: EventStore) -> None:
    assert [row.message_id for row in store.pending("hook", NOW)] == []
    store.hasten("hook")
    assert [row.message_id for row in store.pending("hook", NOW)] == ["sample-yard-1", "sample-yard-2"]
