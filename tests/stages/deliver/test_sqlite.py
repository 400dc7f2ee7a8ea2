"""The SQLite sink: one row per message in a database of the user's."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import DeliveryError
from pipeline.messages import Event
from pipeline.store.sample_event import sample_event
from stages.deliver.options import SqliteOptions
from stages.deliver.sqlite import SqliteSink


def send(path: Path, *events: Event, **options: Any) -> None:
    sink = SqliteSink(SqliteOptions(path=path, **options))
    try:
        for event in events:
            sink.send(event, key=event.message_id)
    finally:
        sink.close()
        sink.close()


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_the_row_has_the_events_fields(tmp_path: Path) -> None:
    send(tmp_path / "a.db", sample_event(evidence={"snapshot": "media/1.jpg"}))
    query = "SELECT message_id, camera, name, class, track_id, confidence, x1, y2, snapshot, wall_time FROM events"
    assert rows(tmp_path / "a.db", query) == [
        ("sample-gate-1", "gate", "yard", "person", 7, 0.83, 320.0, 340.0, "media/1.jpg", None)
    ]


def test_a_message_that_comes_again_replaces_its_row(tmp_path: Path) -> None:
    send(tmp_path / "a.db", sample_event(), sample_event(reason="better"))
    assert rows(tmp_path / "a.db", "SELECT count(*), max(reason) FROM events") == [(1, "better")]


def test_an_event_without_an_object_has_empty_columns(tmp_path: Path) -> None:
    send(tmp_path / "a.db", sample_event(object=None))
    assert rows(tmp_path / "a.db", "SELECT class, x1 FROM events") == [(None, None)]


def test_the_table_may_have_another_name(tmp_path: Path) -> None:
    send(tmp_path / "a.db", sample_event(), table="alerts")
    assert rows(tmp_path / "a.db", "SELECT count(*) FROM alerts") == [(1,)]


@pytest.mark.parametrize("table", ['x"; DROP TABLE events; --', "", "1st", "a b"])
def test_a_table_name_that_is_none_is_refused(tmp_path: Path, table: str) -> None:
    with pytest.raises(ValidationError):
        SqliteOptions(path=tmp_path / "a.db", table=table)


def test_a_table_of_that_name_with_other_columns_is_named(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("CREATE TABLE events (mine TEXT)")
    with pytest.raises(DeliveryError, match=r"a\.db, table events: cannot be written: .*message_id"):
        send(tmp_path / "a.db", sample_event())


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("no database " * 100)
    with pytest.raises(DeliveryError, match=r"a\.db, table events: cannot be written: file is not a database"):
        send(tmp_path / "a.db", sample_event())


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="unable to open database file"):
        send(tmp_path / "nowhere" / "a.db", sample_event())


def test_a_database_that_was_deleted_is_made_anew_and_no_row_is_lost(tmp_path: Path) -> None:
    sink = SqliteSink(SqliteOptions(path=tmp_path / "a.db"))
    try:
        sink.send(sample_event(ordinal=1), key="1")
        (tmp_path / "a.db").unlink()
        sink.send(sample_event(ordinal=2), key="2")
    finally:
        sink.close()
    assert rows(tmp_path / "a.db", "SELECT message_id FROM events") == [("2",)]
