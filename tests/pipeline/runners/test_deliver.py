"""The deliver process, as far as it writes for itself."""

import contextlib
from pathlib import Path

import pytest

from pipeline.runners.deliver import Record
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event

EVENTS = [sample_event(ordinal=n, reason="x" * 3000) for n in range(1, 9)]


def test_the_record_of_events_goes_on_when_a_full_disk_has_room_again(
    small_disk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = small_disk / "events.jsonl"
    with EventStore.open(tmp_path / "events.db", analysis_sha256="a") as store, Record(store, path) as record:
        store.commit("gate", EVENTS[:2], Position(b"", 0, 0), lambda _: [])
        assert record.catch_up() == 2
        with (small_disk / "fill").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        store.commit("gate", EVENTS[2:], Position(b"", 1, 1), lambda _: [])
        assert [record.catch_up() for _ in range(3)] == [0, 0, 0]
        (small_disk / "fill").unlink()
        record.catch_up()
        wanted = [stored.body for stored in store.events("commit")]
    assert path.read_text().splitlines() == wanted
    assert caplog.text.count("events.jsonl cannot be written: No space left on device; it is tried again") == 1


def test_a_record_that_ends_behind_says_so_once_and_the_next_run_adds_what_is_missing(
    small_disk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, told = small_disk / "events.jsonl", "events.jsonl lacks events, because its disk is full; the next run adds"
    with EventStore.open(tmp_path / "events.db", analysis_sha256="a") as store:
        with Record(store, path) as record:
            with (small_disk / "fill").open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(bytes(4096)):
                    pass
            store.commit("gate", EVENTS, Position(b"", 1, 1), lambda _: [])
            assert [record.catch_up() for _ in range(3)] == [0, 0, 0]
            assert told not in caplog.text
        assert caplog.text.count(told) == 1
        (small_disk / "fill").unlink()
        with Record(store, path) as record:
            record.catch_up()
        wanted = [stored.body for stored in store.events("commit")]
    assert path.read_text().splitlines() == wanted
    assert caplog.text.count(told) == 1


def test_a_record_that_cannot_be_written_for_another_reason_is_an_error(tmp_path: Path) -> None:
    with (
        EventStore.open(tmp_path / "events.db", analysis_sha256="a") as store,
        pytest.raises(OSError, match="directory"),
    ):
        Record(store, tmp_path / "nowhere" / "events.jsonl")
