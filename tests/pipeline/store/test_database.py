"""A database that is gone, locked, read-only or none of ours gives one clear line, and loses nothing silently."""

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.store import sqlite
from pipeline.store.address import StoreAddress
from pipeline.store.catalogue import Wanted
from pipeline.store.event_store import EventStore
from pipeline.store.postgresql import explain
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from tests.mounting import mounted
from tests.pipeline.store.history import make_history
from tests.postgres import Postgres


def commit(store: EventStore, ordinal: int) -> None:
    store.commit("gate", [sample_event(ordinal=ordinal, id=f"new-{ordinal}")], Position(b"", 1, 1), lambda _: [])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of nine events."""
    (tmp_path / "out").mkdir()
    make_history(StoreAddress.of(tmp_path / "out" / "events.db"), 9)
    return tmp_path / "out" / "events.db"


@pytest.fixture
def read_only(path: Path, tmp_path: Path) -> Iterator[Path]:
    """The same store where nothing can be written, for root neither."""
    mark = "handed over?"  # it means something in a URI
    with mounted(tmp_path / mark, "--bind", str(path.parent)) as place:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True)
        yield place / "events.db"


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_deleted_under_a_process_is_noticed_before_anything_is_written(
    path: Path, replaced: bool
) -> None:
    with EventStore.open(path, analysis_sha256="a") as store:
        assert store.position("gate") is not None
        copy = path.with_name("copy.db")
        shutil.copy(path, copy)
        path.unlink()
        if replaced:
            copy.rename(path)
        told = "was replaced by another file" if replaced else "is gone: somebody deleted or moved it"
        for _ in range(2):
            with pytest.raises(StoreError, match=f"{re.escape(str(path))}: {told} while it was in use"):
                commit(store, 99)


def test_a_store_on_a_disk_that_is_read_only_can_be_read(read_only: Path) -> None:
    with EventStore.open(read_only, analysis_sha256=None) as store:
        assert len(list(store.catalogue.all(Wanted()))) == 9
        assert len(list(store.events("commit"))) == 17
        with pytest.raises(StoreError, match=r"cannot be written \(.*readonly.*\); the file, its folder or its disk"):
            store.catalogue.protect("event-0001", protected=True)


def test_what_a_killed_process_left_in_the_log_of_a_read_only_store_is_not_passed_over(
    path: Path, read_only: Path
) -> None:
    with EventStore.open(path, analysis_sha256="a") as store:
        assert store.position("gate") is not None
        commit(store, 99)
        left = [(path.with_name(path.name + ending), path.with_name(path.name + ending).read_bytes())
                for ending in ("", "-wal")]  # fmt: skip
    for file, content in left:
        file.write_bytes(content)
    with pytest.raises(StoreError, match="cannot be opened"), EventStore.open(read_only, analysis_sha256=None):
        pass
    with EventStore.open(path, analysis_sha256=None) as store:
        assert len(list(store.catalogue.all(Wanted()))) == 10


def test_a_file_that_another_process_keeps_locked_is_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_PRAGMAS", ("PRAGMA busy_timeout=50",))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with EventStore.open(path, analysis_sha256=None) as store:
        assert len(list(store.events())) == 17, "who reads is not kept from it"
        with pytest.raises(StoreError, match=r"another process has been writing .* \(database is locked\); try again$"):
            store.catalogue.protect("event-0001", protected=True)
        other.execute("ROLLBACK")
        store.catalogue.protect("event-0001", protected=True)
    other.close()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("CREATE TABLE cats (name TEXT)", "is a database, but no event store of Bartizan"),
        ("", "there is none"),
        (None, r"the file is damaged \(file is not a database\); move it away"),
    ],
)
def test_a_file_that_is_no_store_is_one_line(tmp_path: Path, content: str | None, told: str) -> None:
    path = tmp_path / "events.db"
    if content is None:
        path.write_bytes(b"no database at all " * 500)
    else:
        connection = sqlite3.connect(path)
        connection.execute(content)
        connection.close()
        path.touch()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=told) as caught, EventStore.open(path, analysis_sha256=None):
        pass
    assert "\n" not in str(caught.value)
    if content is None or not content:
        assert path.read_bytes() == before


def test_a_full_disk_is_one_line(path: Path) -> None:
    with EventStore.open(path, analysis_sha256="a") as store:
        assert store.position("gate") is not None
        with store._database.writing() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        many = [sample_event(ordinal=n, id=f"many-{n}") for n in range(1000, 1200)]
        with pytest.raises(StoreError, match=r"no room is left on its disk \(database or disk is full\)"):
            store.commit("gate", many, Position(b"", 1, 1), lambda _: [])
        assert len(list(store.catalogue.all(Wanted(cameras=("gate",))))) > 0


def test_a_server_whose_writer_is_stuck_is_one_line(postgres: Postgres, tmp_path: Path) -> None:
    address = StoreAddress.new(f"{postgres.url}?options=-c%20lock_timeout%3D100ms", tmp_path)
    with EventStore.open(address, analysis_sha256="a") as one, EventStore.open(address, analysis_sha256="a") as other:
        with one._database.writing(), pytest.raises(StoreError, match=r"lets another process write.*; try again$"):
            commit(other, 1)
        commit(other, 1)


def test_what_a_stand_by_server_says_is_told_in_words() -> None:
    said = "cannot execute INSERT in a read-only transaction"
    told, passes = explain(said, StoreAddress("postgresql://me@there/events", "run"))
    assert told == f"the server takes nothing that is written: it is a stand-by, or read-only ({said})"
    assert not passes
