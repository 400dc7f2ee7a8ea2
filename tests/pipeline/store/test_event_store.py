"""The event store: one transaction, one owner for each side, nothing lost and nothing doubled."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.clock import ManualClock
from pipeline.errors import StoreError, UsageError
from pipeline.messages import Event
from pipeline.store.address import StoreAddress
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event

Start = Callable[..., subprocess.Popen[str]]


def nowhere(event: Event) -> list[str]:
    return []


def to_hook(event: Event) -> list[str]:
    return ["hook"]


def at(records: int) -> Position:
    return Position(b"state", records * 100, records)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def open_store(place: StoreAddress | Path | str, analysis: str = "a") -> EventStore:
    return EventStore.open(place, analysis_sha256=analysis, clock=ManualClock(wall_ns=1_000))


def test_what_was_committed_is_there_after_reopening(place: StoreAddress) -> None:
    position = Position(
        state=b"\x00\xff",
        log_offset=10**12,
        log_records=9,
        spool_offset=7,
        last_index=8,
        counts={"static": 4},
        ended=True,
    )
    with open_store(place) as store:
        assert store.position("gate") is None
        store.commit("gate", [sample_event()], position, to_hook)
    with open_store(place) as store:
        assert store.position("gate") == position
        assert store.positions() == {"gate": position}
        assert [stored.event for stored in store.events()] == [sample_event()]
        stored = store.event("sample-gate-1")
        assert stored is not None
        assert stored.committed_ns == 1_000
        assert store.event("no such message") is None
        assert store.outbox_counts() == {"hook": {"pending": 1, "delivered": 0, "dead": 0}}


def test_a_repeated_message_with_the_same_content_is_passed_over(place: StoreAddress) -> None:
    with open_store(place) as store:
        store.commit("gate", [sample_event()], at(1), to_hook)
        store.commit("gate", [sample_event(), sample_event(ordinal=2)], at(2), to_hook)
        assert len(list(store.events())) == 2
        assert store.outbox_counts()["hook"]["pending"] == 2


def test_a_repeated_message_with_other_content_is_refused_and_changes_nothing(place: StoreAddress) -> None:
    with open_store(place) as store:
        store.commit("gate", [sample_event()], at(1), to_hook)
        with pytest.raises(StoreError, match="sample-gate-1 is there with other content"):
            store.commit("gate", [sample_event(ordinal=2), sample_event(reason="another")], at(2), to_hook)
        assert [stored.event for stored in store.events()] == [sample_event()]
        assert store.position("gate") == at(1)


def test_a_commit_that_fails_midway_leaves_nothing(place: StoreAddress) -> None:
    def breaks_at_the_second(event: Event) -> list[str]:
        if event.ordinal == 2:
            raise RuntimeError("no route")
        return ["hook"]

    with open_store(place) as store:
        with pytest.raises(RuntimeError):
            store.commit("gate", [sample_event(), sample_event(ordinal=2)], at(2), breaks_at_the_second)
        assert list(store.events()) == []
        assert store.outbox_counts() == {}
        assert store.position("gate") is None


def test_events_of_another_camera_are_refused(place: StoreAddress) -> None:
    with open_store(place) as store, pytest.raises(ValueError, match="takes its own events"):
        store.commit("gate", [sample_event("yard")], at(1), nowhere)


def test_a_frozen_twin_that_wakes_up_cannot_commit(place: StoreAddress) -> None:
    with open_store(place) as frozen, open_store(place) as successor:
        frozen.commit("gate", [sample_event()], at(1), nowhere)
        assert successor.position("gate") == at(1)
        successor.commit("gate", [sample_event(ordinal=2)], at(2), nowhere)
        with pytest.raises(StoreError, match="another process goes on with camera 'gate'"):
            frozen.commit("gate", [sample_event(ordinal=2)], at(2), nowhere)
        frozen.commit("yard", [], at(1), nowhere)


def test_a_store_of_another_analysis_is_refused_and_both_are_named(place: StoreAddress) -> None:
    open_store(place, "first").close()
    with pytest.raises(UsageError, match=r"\(first, not second\).*--overwrite"):
        open_store(place, "second")


def test_overwrite_erases_what_was_there(place: StoreAddress) -> None:
    with open_store(place, "first") as store:
        store.commit("gate", [sample_event()], at(1), to_hook)
    with EventStore.open(place, analysis_sha256="second", overwrite=True) as store:
        assert list(store.events()) == []
        assert store.position("gate") is None
        assert store.analysis_sha256 == "second"


def test_any_analysis_is_taken_where_none_is_asked_for(place: StoreAddress) -> None:
    EventStore.open(place, analysis_sha256="first", source_order=["yard", "gate"]).close()
    with EventStore.open(place, analysis_sha256=None) as store:
        assert (store.analysis_sha256, store.source_order) == ("first", ["yard", "gate"])


def test_opening_without_an_analysis_makes_no_store(path: Path) -> None:
    with pytest.raises(StoreError, match="there is none"):
        EventStore.open(path, analysis_sha256=None)
    assert not path.exists()


def test_another_schema_number_is_refused_with_both_numbers(path: Path) -> None:
    open_store(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    raw.close()
    with pytest.raises(StoreError, match=r"its schema is 99, this version reads 5; .*newer version"):
        open_store(path)


def test_a_file_that_is_no_database_is_one_line_and_says_what_to_do(path: Path) -> None:
    path.write_bytes(b"no database, this " * 1000)
    with pytest.raises(StoreError, match=r"damaged.*--overwrite") as caught:
        open_store(path)
    assert "\n" not in str(caught.value)
    EventStore.open(path, analysis_sha256="a", overwrite=True).close()


def test_damage_in_the_middle_is_an_error_of_the_store(path: Path) -> None:
    with open_store(path) as store:
        for ordinal in range(1, 80):
            store.commit("gate", [sample_event(ordinal=ordinal)], at(ordinal), nowhere)
    content = bytearray(path.read_bytes())
    content[8192:-8192] = random.Random(1).randbytes(len(content) - 16384)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged") as caught, open_store(path) as store:
        list(store.events())
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/events.db: cannot be opened .*folder must exist"):
        open_store(tmp_path / "nowhere" / "events.db")


def test_a_url_with_a_password_never_shows_it() -> None:
    with pytest.raises(StoreError) as caught:
        open_store("nosuchdatabase://me:hunter2@host/events")
    assert "hunter2" not in str(caught.value)


def test_a_url_names_the_same_store_as_its_path(path: Path) -> None:
    with open_store(f"sqlite:///{path}") as store:
        store.commit("gate", [sample_event()], at(1), nowhere)
    with open_store(path) as store:
        assert len(list(store.events())) == 1


def test_content_order_is_source_order_then_media_time_then_ordinal(place: StoreAddress) -> None:
    with EventStore.open(place, analysis_sha256="a", source_order=["yard", "gate"]) as store:
        late = sample_event("gate", 1, media_time=3.0)
        early = sample_event("gate", 2, media_time=1.0)
        tied = sample_event("gate", 3, media_time=1.0)
        store.commit("gate", [late, tied, early], at(3), nowhere)
        store.commit("attic", [sample_event("attic")], at(1), nowhere)
        store.commit("yard", [sample_event("yard")], at(1), nowhere)
        named = [stored.message_id for stored in store.events("content")]
        assert named == [f"sample-{one}" for one in ("yard-1", "gate-2", "gate-3", "gate-1", "attic-1")]
        committed = [stored.message_id for stored in store.events("commit")]
        assert committed == [f"sample-{one}" for one in ("gate-1", "gate-3", "gate-2", "attic-1", "yard-1")]


def test_reading_in_pages_leaves_nothing_out(place: StoreAddress) -> None:
    with open_store(place) as store:
        events = [sample_event("gate", n, media_time=(n // 7) / 3) for n in range(1, 1201)]
        store.commit("gate", events, at(1), nowhere)
        assert [stored.event.ordinal for stored in store.events("content")] == list(range(1, 1201))
        assert [stored.number for stored in store.events("commit", after=100)] == list(range(101, 1201))


def test_a_waiting_message_holds_back_its_own_camera_only(place: StoreAddress) -> None:
    with open_store(place) as store:
        for ordinal in (1, 2):
            for camera in ("gate", "yard"):
                store.commit(camera, [sample_event(camera, ordinal)], at(ordinal), to_hook)
        first = store.pending("hook", 0)[0]
        assert first.message_id == "sample-gate-1"
        store.failed(first, "receiver is away", next_attempt_ns=500)
        assert [row.message_id for row in store.pending("hook", 499)] == ["sample-yard-1", "sample-yard-2"]
        again = store.pending("hook", 500)
        assert [row.message_id for row in again] == [f"sample-{n}" for n in ("gate-1", "yard-1", "gate-2", "yard-2")]
        assert (again[0].attempts, again[0].last_error, again[0].first_attempt_ns) == (1, "receiver is away", 1_000)
        assert store.pending("other sink", 500) == []


def test_a_dead_letter_holds_back_nothing_and_stays_dead(place: StoreAddress) -> None:
    with open_store(place) as store:
        store.commit("gate", [sample_event(), sample_event(ordinal=2)], at(2), to_hook)
        row = store.pending("hook", 0)[0]
        store.dead(row, "404")
        store.failed(row, "too late", 0)
        assert [row.message_id for row in store.pending("hook", 0)] == ["sample-gate-2"]
        store.delivered(store.pending("hook", 0)[0])
        assert store.outbox_counts() == {"hook": {"pending": 0, "delivered": 1, "dead": 1}}


def test_pending_gives_no_more_than_asked_for(place: StoreAddress) -> None:
    with open_store(place) as store:
        for camera in ("gate", "yard"):
            store.commit(camera, [sample_event(camera, n) for n in range(1, 9)], at(8), to_hook)
        assert len(store.pending("hook", 0, 3)) == 3


def test_importing_the_store_does_not_import_sqlalchemy(root: Path) -> None:
    code = "import sys, pipeline.store.event_store, pipeline.store.rendering; sys.exit('sqlalchemy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


@pytest.fixture
def start(root: Path) -> Start:
    def start(program: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, str(root / "tests/pipeline/programs" / f"{program}.py"), *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    return start


def spelt(place: StoreAddress) -> str:
    """As an argument."""
    return f"{place.text}#{place.name}" if place.name else place.text


def read_lines(process: subprocess.Popen[str], count: int) -> int:
    """The number on the last of ``count`` lines."""
    assert process.stdout is not None
    return int([process.stdout.readline() for _ in range(count)][-1])


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    with process:
        process.wait(10)


def test_processes_that_open_a_new_store_together_all_succeed(place: StoreAddress, start: Start) -> None:
    writers = [start("commit_until_killed", spelt(place), f"camera{n}") for n in range(3)]
    done = [read_lines(writer, 2) for writer in writers]
    for writer in writers:
        kill(writer)
    assert done == [4, 4, 4]


def test_kill_9_of_both_processes_leaves_whole_commits_only(place: StoreAddress, start: Start) -> None:
    """Events, outbox and position agree after each kill, and nothing that was reported as done is gone."""
    order = random.Random(20)
    delivered: set[int] = set()
    for _ in range(4):
        alert, deliver = (
            start("commit_until_killed", spelt(place), "gate"),
            start("deliver_until_killed", spelt(place), "hook"),
        )
        committed = read_lines(alert, order.randint(3, 60))
        delivered.add(read_lines(deliver, order.randint(1, 20)))
        for process in order.sample([alert, deliver], 2):
            kill(process)
        with open_store(place) as store:
            position = store.position("gate")
            assert position is not None
            assert position.log_records >= committed
            assert position.state == b"s" * position.log_records
            assert [stored.event.ordinal for stored in store.events()] == list(range(1, position.log_records + 1))
            counts = store.outbox_counts()
            assert counts["hook"]["pending"] + counts["hook"]["delivered"] == position.log_records
            assert counts["file"] == {"pending": position.log_records, "delivered": 0, "dead": 0}
            assert not delivered & {row.number for row in store.pending("hook", 0, 10**6)}
    if place.is_file:
        raw = sqlite3.connect(place.path)
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        raw.close()
