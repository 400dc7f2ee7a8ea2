"""``events.jsonl``: the same bytes for the same events, and no line doubled, torn or left out."""

import json
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from pipeline.errors import StoreError
from pipeline.messages import Event
from pipeline.store.event_store import EventStore
from pipeline.store.rendering import EventAppender, render_events
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event


def commit(store: EventStore, *events: Event) -> None:
    for event in events:
        store.commit(event.camera, [event], Position(b"", 0, 0), lambda event: [])


def some_store(path: Path) -> EventStore:
    return EventStore.open(path, analysis_sha256="a", source_order=["yard", "gate"])


def events() -> list[Event]:
    return [sample_event(camera, n, media_time=float(n)) for camera in ("gate", "yard") for n in range(1, 9)]


def ids(path: Path) -> list[str]:
    return [json.loads(line)["message_id"] for line in path.read_text().splitlines()]


def test_the_order_of_commits_does_not_change_a_byte(tmp_path: Path) -> None:
    with some_store(tmp_path / "1.db") as one, some_store(tmp_path / "2.db") as other:
        commit(one, *events())
        commit(other, *reversed(events()))
        assert render_events(one, tmp_path / "1.jsonl") == 16
        assert render_events(other, tmp_path / "2.jsonl") == 16
    written = (tmp_path / "1.jsonl").read_bytes()
    assert written == (tmp_path / "2.jsonl").read_bytes()
    assert written.endswith(b"}\n")
    assert ids(tmp_path / "1.jsonl")[:2] == ["sample-yard-1", "sample-yard-2"]


def test_the_order_of_keys_within_a_map_does_not_change_a_byte(tmp_path: Path) -> None:
    for name, model in (("1", {"name": "x", "sha256": "y"}), ("2", {"sha256": "y", "name": "x"})):
        with some_store(tmp_path / f"{name}.db") as store:
            commit(store, sample_event(model=model))
            render_events(store, tmp_path / f"{name}.jsonl")
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()


def test_a_line_has_the_fields_of_an_event_in_the_order_of_their_declaration(tmp_path: Path) -> None:
    with some_store(tmp_path / "events.db") as store:
        commit(store, sample_event())
        render_events(store, tmp_path / "events.jsonl")
    line = json.loads((tmp_path / "events.jsonl").read_text())
    assert list(line) == list(Event.__struct_encode_fields__)
    assert line["object"]["class"] == "person"


def test_a_given_source_order_is_followed_and_cameras_left_out_of_it_come_last(tmp_path: Path) -> None:
    with some_store(tmp_path / "events.db") as store:
        commit(store, sample_event("yard"), sample_event("attic"), sample_event("gate"))
        render_events(store, tmp_path / "events.jsonl", source_order=["gate"])
    assert ids(tmp_path / "events.jsonl") == ["sample-gate-1", "sample-attic-1", "sample-yard-1"]


def test_no_events_make_an_empty_file(tmp_path: Path) -> None:
    with some_store(tmp_path / "events.db") as store:
        assert render_events(store, tmp_path / "events.jsonl") == 0
    assert (tmp_path / "events.jsonl").read_bytes() == b""


def test_rendering_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    store = some_store(tmp_path / "events.db")
    store.close()
    (tmp_path / "events.db").write_bytes(b"damaged" * 2000)
    (tmp_path / "events.jsonl").write_text("old\n")
    with pytest.raises(StoreError):
        render_events(store, tmp_path / "events.jsonl")
    store.close()
    assert (tmp_path / "events.jsonl").read_text() == "old\n"
    assert list(tmp_path.glob(".*")) == []


def test_the_appender_follows_the_order_of_commits(tmp_path: Path) -> None:
    with some_store(tmp_path / "events.db") as store, EventAppender(store, tmp_path / "events.jsonl") as appender:
        commit(store, sample_event("gate", 1), sample_event("yard", 1))
        assert appender.catch_up() == 2
        commit(store, sample_event("gate", 2))
        assert (appender.catch_up(), appender.catch_up()) == (1, 0)
        assert ids(tmp_path / "events.jsonl") == ["sample-gate-1", "sample-yard-1", "sample-gate-2"]


@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.2, 0.5, 0.74, 0.99])
def test_an_appender_that_was_killed_in_a_line_goes_on_without_a_gap_or_a_double(
    tmp_path: Path, fraction: float
) -> None:
    path = tmp_path / "events.jsonl"
    with some_store(tmp_path / "events.db") as store:
        commit(store, *(sample_event(ordinal=n) for n in range(1, 5)))
        with EventAppender(store, path) as appender:
            appender.catch_up()
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * fraction)])
        commit(store, sample_event(ordinal=5))
        with EventAppender(store, path) as appender:
            appender.catch_up()
        assert path.read_bytes().startswith(whole)
        assert ids(path) == [f"sample-gate-{n}" for n in range(1, 6)]


def test_a_tail_of_zeros_after_a_power_cut_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with some_store(tmp_path / "events.db") as store:
        commit(store, sample_event(ordinal=1), sample_event(ordinal=2))
        with EventAppender(store, path) as appender:
            appender.catch_up()
        whole = path.read_bytes()
        path.write_bytes(whole[:-500] + b"\0" * 500)
        with EventAppender(store, path) as appender:
            assert appender.catch_up() == 1
        assert path.read_bytes() == whole


def test_a_line_longer_than_a_read_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with some_store(tmp_path / "events.db") as store:
        commit(store, sample_event(ordinal=1), sample_event(ordinal=2, reason="long " * 40_000))
        with EventAppender(store, path) as appender:
            assert appender.catch_up() == 2
        with EventAppender(store, path) as appender:
            assert appender.catch_up() == 0


def test_a_file_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"message_id": "foreign"}\n')
    with some_store(tmp_path / "events.db") as store, pytest.raises(StoreError, match=r"message foreign.*move it away"):
        EventAppender(store, path)
    assert path.read_text() == '{"message_id": "foreign"}\n'


def test_a_message_that_was_altered_leaves_the_others_their_lines(tmp_path: Path) -> None:
    with some_store(tmp_path / "1.db") as store:
        commit(store, *events())
    engine = create_engine(f"sqlite:///{tmp_path / '1.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE events SET body = '{}' WHERE message_id = 'sample-yard-8'"))
    engine.dispose()
    with some_store(tmp_path / "1.db") as store:
        assert render_events(store, tmp_path / "1.jsonl") == 16
