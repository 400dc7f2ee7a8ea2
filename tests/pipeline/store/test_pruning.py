"""Old events are deleted with all that belongs to them, and nothing else is."""

from pathlib import Path

import pytest

from pipeline.store.address import StoreAddress
from pipeline.store.catalogue import Wanted
from pipeline.store.event_store import EventStore
from pipeline.store.pruning import Pruned
from pipeline.store.rendering import EventAppender, render_events
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from stages.deliver.decision import Decision, Role, Verdict
from tests.pipeline.store.history import DAY, NOON, make_history

LATER = NOON + 1000 * DAY


def left(store: EventStore) -> list[int]:
    return [int(alarm.event_id[-4:]) for alarm in store.catalogue.all(Wanted())]


def opened(place: StoreAddress) -> EventStore:
    return EventStore.open(place, analysis_sha256=None)


def test_what_ended_before_is_deleted_and_what_did_not_stays(place: StoreAddress) -> None:
    make_history(place, 20)
    with opened(place) as store:
        pruning = store.pruning(Wanted(), before_ns=NOON + 10 * DAY)
        told = pruning.count()
        assert left(store) == list(range(1, 21)), "counting deletes nothing"
        assert pruning.delete() == told == Pruned(9, 18, protected=0, undelivered=0, open=1)
        assert left(store) == [7, *range(11, 21)]
        kept = {stored.event.id for stored in store.events()}
        assert kept == {f"event-{number:04}" for number in left(store)}
        assert store.outbox_counts()["hook"]["delivered"] == len(list(store.events()))
        assert store.position("gate") is not None
        assert pruning.delete() == Pruned(0, 0, 0, 0, 1)


def test_filters_say_which(place: StoreAddress) -> None:
    make_history(place, 20)
    with opened(place) as store:
        store.pruning(Wanted(severities=("low",), cameras=("gate",)), before_ns=LATER).delete()
        assert left(store) == [1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19, 20]


def test_the_event_of_the_newest_message_stays(place: StoreAddress) -> None:
    make_history(place, 4)
    with opened(place) as store:
        store.pruning(Wanted(), before_ns=LATER).delete()
        assert left(store) == [4]


def test_what_is_protected_stays_until_it_is_not(place: StoreAddress) -> None:
    make_history(place, 5)
    with opened(place) as store:
        store.catalogue.protect("event-0002", protected=True)
        assert store.pruning(Wanted(), before_ns=LATER).delete().protected == 1
        assert left(store) == [2, 5]
        store.catalogue.protect("event-0002", protected=False)
        store.pruning(Wanted(), before_ns=LATER).delete()
        assert left(store) == [5]


def test_what_waits_for_a_sink_stays_and_dead_letters_until_they_are_given_up(place: StoreAddress) -> None:
    make_history(place, 6, deliver=False)
    with opened(place) as store:
        rows = store.pending("hook", 0)
        for row in rows[2:]:
            store.delivered(row)
        store.dead(next(row for row in rows if row.event.id == "event-0001"), "404")
        told = store.pruning(Wanted(), before_ns=LATER).delete()
        assert (told.undelivered, left(store)) == (1, [1, 6])
        pending = store.pending("hook", 0)
        assert [row.event.id for row in pending] == ["event-0001"]
        store.delivered(pending[0])
        assert store.pruning(Wanted(), before_ns=LATER).count().events == 0
        store.pruning(Wanted(), before_ns=LATER, with_dead=True).delete()
        assert left(store) == [6]


def test_what_no_digest_has_told_of_stays(place: StoreAddress) -> None:
    make_history(place, 3, deliver=False)
    with opened(place) as store:
        rows = store.pending("hook", 0)
        held = [(row, Decision(Verdict.HELD, Role.OPENING, "cap", "")) for row in rows if row.event.id == "event-0001"]
        store.decisions.keep("hook", held, 7)
        for row in store.pending("hook", 0):
            store.delivered(row)
        store.pruning(Wanted(), before_ns=LATER).delete()
        assert left(store) == [1, 3]
        digest = sample_event("", 1, id="one", message_id="one", type="digest")
        store.decisions.digest("hook", digest)
        store.pruning(Wanted(), before_ns=LATER).delete()
        assert left(store) == [3]
        assert store.decisions.all("hook") == []
        assert store.digests.all("hook") == [digest]


def test_many_are_deleted_a_few_at_a_time(place: StoreAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.store.pruning._BATCH", 3)
    make_history(place, 20)
    with opened(place) as store:
        assert store.pruning(Wanted(), before_ns=LATER).delete().events == 17
        assert left(store) == [7, 14, 20]


def test_the_file_of_a_pruned_store_gets_smaller(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    make_history(StoreAddress.of(path), 200)
    before = path.stat().st_size
    with opened(StoreAddress.of(path)) as store:
        store.pruning(Wanted(), before_ns=LATER).delete()
        store.shrink()
    assert path.stat().st_size < before / 3


def append(place: StoreAddress, path: Path) -> list[str]:
    with EventStore.open(place, analysis_sha256=None) as store, EventAppender(store, path) as appender:
        appender.catch_up()
    return [line.split('"message_id":"')[1].split('"')[0] for line in path.read_text().splitlines()]


@pytest.mark.parametrize(("torn", "days"), [(0, 9), (1, 9), (8, 5), (9, 5)])
def test_a_live_run_goes_on_with_its_events_jsonl_behind_what_was_pruned(tmp_path: Path, torn: int, days: int) -> None:
    """``torn``: so many lines were not written when the run was killed, before it was pruned."""
    place, path = StoreAddress.of(tmp_path / "events.db"), tmp_path / "events.jsonl"
    make_history(place, 10)
    before = append(place, path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) - torn]))
    with opened(place) as store:
        store.pruning(Wanted(), before_ns=NOON + days * DAY).delete()
        last = store.position("gate")
        assert last is not None
        store.commit("gate", [sample_event("gate", 99, id="new")], last, lambda _: [])
    assert append(place, path) == [*before, "sample-gate-99"]
    assert append(place, path) == [*before, "sample-gate-99"]


def test_rendering_again_has_what_is_left(tmp_path: Path) -> None:
    place = StoreAddress.of(tmp_path / "events.db")
    make_history(place, 10)
    with opened(place) as store:
        assert render_events(store, tmp_path / "all.jsonl") == 19
        store.pruning(Wanted(), before_ns=NOON + 5 * DAY).delete()
        assert render_events(store, tmp_path / "left.jsonl") == 9
    everything = (tmp_path / "all.jsonl").read_text().splitlines()
    assert [line for line in everything if line in (tmp_path / "left.jsonl").read_text()] == (
        tmp_path / "left.jsonl"
    ).read_text().splitlines()


def test_kept_positions_let_a_commit_go_on(place: StoreAddress) -> None:
    make_history(place, 4)
    with EventStore.open(place, analysis_sha256="a") as store:
        position = store.position("yard")
        assert position is not None
        store.pruning(Wanted(), before_ns=LATER).delete()
        store.commit("yard", [sample_event("yard", 50, id="event-0050")], Position(b"", 9, 9), lambda _: ["hook"])
        assert sorted(left(store)) == [4, 50]
