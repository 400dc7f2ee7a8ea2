"""The governor's log in the event store: kept with the rows that it decides on, told once, and found again."""

from pathlib import Path

import pytest

from pipeline.clock import ManualClock
from pipeline.errors import StoreError
from pipeline.messages import Event
from pipeline.store.address import StoreAddress
from pipeline.store.event_store import EventStore
from pipeline.store.rendering import render_events
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from stages.deliver.decision import Decision, Role, Verdict

OPENING = {verdict: Decision(verdict, Role.OPENING, "because", "sample") for verdict in Verdict}


def opened(place: StoreAddress) -> EventStore:
    return EventStore.open(place, analysis_sha256="a", clock=ManualClock(wall_ns=1_000))


def fill(store: EventStore, count: int, camera: str = "gate") -> list[Event]:
    events = [sample_event(camera, n, id=f"{camera}-{n}") for n in range(1, count + 1)]
    store.commit(camera, events, Position(b"", 1, 1), lambda event: ["hook", "file"])
    return events


def digest(name: str) -> Event:
    return sample_event("", 1, id=name, message_id=name, type="digest")


def test_a_decision_settles_its_row_and_is_there_after_reopening(place: StoreAddress) -> None:
    with opened(place) as store:
        fill(store, 3)
        rows = store.pending("hook", 0)
        store.decisions.keep("hook", list(zip(rows, OPENING.values(), strict=True)), 7)
        assert [row.message_id for row in store.pending("hook", 0)] == ["sample-gate-1"]
        assert store.outbox_counts() == {
            "hook": {"pending": 1, "delivered": 0, "dead": 0, "merged": 1, "held": 1},
            "file": {"pending": 3, "delivered": 0, "dead": 0},
        }
    with opened(place) as store:
        found = list(store.decisions.recent("hook"))
        assert [(one.verdict, one.role, one.episode, one.decided_ns, one.state) for one in found] == [
            ("pass", "opening", "sample", 7, "pending"),
            ("merged", "opening", "sample", 7, "merged"),
            ("held", "opening", "sample", 7, "held"),
        ]
        assert [one.event.id for one in store.decisions.of_event("hook", "gate-2")] == ["gate-2"]
        assert list(store.decisions.recent("file")) == []


def test_a_decision_about_what_still_waits_is_found_however_many_came_after_it(
    place: StoreAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.store.decisions._RECENT", 2)
    with opened(place) as store:
        fill(store, 2, "attic")
        fill(store, 8)
        rows = store.pending("hook", 0)
        follow = Decision(Verdict.PASS, Role.FOLLOW, "because", "sample")
        waiting = [(rows[0], OPENING[Verdict.PASS]), (rows[1], follow)]
        store.decisions.keep("hook", [*waiting, *((row, OPENING[Verdict.PASS]) for row in rows[2:])], 7)
        for row in rows[2:]:
            store.delivered(row)
        found = [(one.event.id, one.state) for one in store.decisions.recent("hook")]
        assert found[:2] == [("attic-1", "pending"), ("attic-2", "pending")]
        assert found[2:] == [("gate-7", "delivered"), ("gate-8", "delivered")]


def test_a_message_is_decided_on_once_for_each_sink(place: StoreAddress) -> None:
    with opened(place) as store:
        fill(store, 1)
        for sink in ("hook", "file"):
            store.decisions.keep(sink, [(store.pending(sink, 0)[0], OPENING[Verdict.PASS])], 7)
        with pytest.raises(StoreError, match=r"(?i)unique"):
            store.decisions.keep("hook", [(store.pending("hook", 0)[0], OPENING[Verdict.HELD])], 8)
        assert store.outbox_counts()["hook"]["pending"] == 1, "the second changed nothing"


def test_a_digest_tells_of_what_was_kept_since_the_one_before(place: StoreAddress) -> None:
    with opened(place) as store:
        fill(store, 4)
        rows = store.pending("hook", 0)
        store.decisions.keep("hook", [(row, OPENING[Verdict.HELD]) for row in rows[:2]], 7)
        store.decisions.digest("hook", digest("one"))
        store.decisions.keep("hook", [(row, OPENING[Verdict.MERGED]) for row in rows[2:]], 8)
        store.decisions.digest("hook", digest("two"))
        assert [one.digest for one in store.decisions.all("hook")] == [1, 1, 2, 2]
        assert [event.id for event in store.digests.all("hook")] == ["one", "two"]


def test_digests_wait_in_line_for_their_sink_and_hold_back_no_event(place: StoreAddress) -> None:
    with opened(place) as store:
        fill(store, 1)
        store.decisions.digest("hook", digest("one"))
        store.decisions.digest("hook", digest("two"))
        first, second = store.digests.pending("hook", 0, 10)
        assert (first.message_id, first.event, second.message_id) == ("one", digest("one"), "two")
        store.digests.failed(first, "away", next_attempt_ns=500)
        assert store.digests.pending("hook", 499, 10) == []
        assert len(store.pending("hook", 0)) == 1
        again = store.digests.pending("hook", 500, 10)[0]
        assert (again.attempts, again.last_error) == (1, "away")
        store.digests.delivered(again)
        store.digests.dead(second, "404")
        assert store.digests.counts() == {"hook": {"pending": 0, "delivered": 1, "dead": 1}}


def test_counts_of_events_add_up(place: StoreAddress) -> None:
    with opened(place) as store:
        fill(store, 6)
        rows = store.pending("hook", 0)
        verdicts = [Verdict.PASS, Verdict.PASS, Verdict.PASS, Verdict.MERGED, Verdict.HELD, Verdict.HELD]
        store.decisions.keep("hook", [(row, OPENING[one]) for row, one in zip(rows, verdicts, strict=True)], 7)
        store.delivered(rows[0])
        store.dead(rows[1], "404")
        store.decisions.digest("hook", digest("one"))
        store.commit("yard", [sample_event("yard", id="yard-1")], Position(b"", 1, 1), lambda event: ["hook"])
        counts = store.decisions.counts()["hook"]
        assert counts == {"events": 7, "delivered": 1, "dead": 1, "pending": 2, "merged": 1, "held": 2, "risen": 0,
                          "digests": 1}  # fmt: skip


def test_the_record_of_events_knows_of_no_digest(place: StoreAddress, tmp_path: Path) -> None:
    with opened(place) as store:
        fill(store, 2)
        render_events(store, tmp_path / "before.jsonl")
        store.decisions.keep("hook", [(store.pending("hook", 0)[0], OPENING[Verdict.HELD])], 7)
        store.decisions.digest("hook", digest("one"))
        render_events(store, tmp_path / "after.jsonl")
    assert (tmp_path / "after.jsonl").read_bytes() == (tmp_path / "before.jsonl").read_bytes()
