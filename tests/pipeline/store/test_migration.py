"""Stores of earlier versions are led to this one's tables and back, with what lies in them."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, select, text

from pipeline.errors import StoreError
from pipeline.store.address import StoreAddress
from pipeline.store.database import Database
from pipeline.store.event_store import EventStore
from pipeline.store.migration import STEPS, migrate
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from pipeline.store.tables import STORE_SCHEMA, store_tables

SCHEMAS = Path(__file__).parent / "schemas"
"""What the versions of Bartizan that had these schemas wrote, as SQL."""
OLD = tuple(range(1, STORE_SCHEMA))


def old_file(number: int, path: Path) -> Path:
    raw = sqlite3.connect(path)
    raw.executescript((SCHEMAS / f"schema_{number}.sql").read_text())
    raw.close()
    return path


@pytest.fixture
def database(place: StoreAddress) -> Iterator[Database]:
    database = Database.connect(place)
    if not place.is_file:
        with database.writing() as connection:
            connection.exec_driver_sql(f'CREATE SCHEMA "{place.name}"')
    yield database
    database.close()


def fill(database: Database, number: int, folder: Path) -> None:
    """Lead from nothing to a schema, and put the rows of its old file in."""
    source = sqlite3.connect(old_file(number, folder / f"source_{number}.db"))
    source.row_factory = sqlite3.Row
    with database.writing() as connection:
        migrate(connection, 0, number)
        connection.execute(text("DELETE FROM meta"))
        tables = ("events", "outbox", "readers", "meta", *(("missed",) if number > 1 else ()))
        for table in (*tables, *(("decisions", "digests") if number > 2 else ()), *(("alarms",) if number > 3 else ())):
            for row in map(dict, source.execute(f"SELECT * FROM {table}")):
                for name in {"ended": "readers", "protected": "alarms"}.items() & {(key, table) for key in row}:
                    row[name[0]] = bool(row[name[0]])
                names = ", ".join(f'"{name}"' for name in row)
                values = ", ".join(f":{name}" for name in row)
                connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)
    source.close()


def content(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but those in which the schema is noted."""
    with database.reading() as connection:
        names = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
        found = {name: connection.execute(text(f"SELECT * FROM {name} ORDER BY 1")).all() for name in names}
    kept = {name: [tuple(row) for row in rows] for name, rows in sorted(found.items())}
    return {name: sorted(row for row in rows if row[0] != "schema") for name, rows in kept.items()}


def alarms_of(connection: Connection) -> list[dict[str, Any]]:
    """All rows, in which the kind is spelt out: its number says nothing."""
    tables = store_tables()
    kinds = {row.number: tuple(row)[1:] for row in connection.execute(select(tables.kinds))}
    rows = [dict(row._mapping) for row in connection.execute(select(tables.alarms).order_by(tables.alarms.c.number))]
    return [{**row, "kind": kinds[row["kind"]]} for row in rows]


def schema_of(database: Database) -> tuple[str, str]:
    tables = store_tables()
    with database.reading() as connection:
        said = connection.execute(select(tables.meta.c.value).where(tables.meta.c.key == "schema")).scalar_one()
        return said, connection.execute(select(tables.versions.c.version_num)).scalar_one()


@pytest.mark.parametrize("number", OLD)
def test_a_store_of_an_earlier_version_is_led_on_when_it_is_opened(tmp_path: Path, number: int) -> None:
    path = old_file(number, tmp_path / "events.db")
    before = [row[0] for row in sqlite3.connect(path).execute("SELECT body FROM events ORDER BY number")]
    with EventStore.open(path, analysis_sha256="a") as store:
        assert [stored.body for stored in store.events("commit")] == before
        position = store.position("gate")
        assert position is not None
        assert (position.state, position.log_records) == (b"\0t", 20)
        assert store.source_order == ["yard", "gate"]
        assert store.outbox_counts()["hook"] == {"pending": 3, "delivered": 1, "dead": 1}
        store.commit("gate", [sample_event(ordinal=9, id="gate-2", type="end", ended="left")], position, lambda _: [])
        assert len(store.missed("yard")) == (number > 1)
        assert len(store.digests.all("file")) == (number > 2)


@pytest.mark.parametrize("number", OLD)
def test_what_is_led_on_and_what_is_new_have_the_same_tables(tmp_path: Path, number: int) -> None:
    EventStore.open(old_file(number, tmp_path / "old.db"), analysis_sha256="a").close()
    EventStore.open(tmp_path / "new.db", analysis_sha256="a").close()
    described = []
    for name in ("old.db", "new.db"):
        raw = sqlite3.connect(tmp_path / name)
        rows = raw.execute(
            "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
        ).fetchall()
        described.append([(name, " ".join((sql or "").split())) for name, sql in rows])
        raw.close()
    assert described[0] == described[1]


def test_the_steps_lead_to_the_tables_that_are_described(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with database.writing() as connection:
        migrate(connection, 0, STORE_SCHEMA)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        tables = store_tables(on_server=not database.is_file)
        assert compare_metadata(context, tables.metadata) == []


def test_there_is_one_step_for_each_schema() -> None:
    steps = sorted(path.name for path in (STEPS / "versions").glob("schema_*.py"))
    assert steps == [f"schema_{number}.py" for number in range(1, STORE_SCHEMA + 1)]


@pytest.mark.parametrize("number", OLD)
def test_there_and_back_nothing_that_the_older_schema_holds_is_changed(
    database: Database, tmp_path: Path, number: int
) -> None:
    fill(database, number, tmp_path)
    before = content(database)
    with database.writing() as connection:
        migrate(connection, number, STORE_SCHEMA)
    assert schema_of(database) == (str(STORE_SCHEMA), str(STORE_SCHEMA))
    assert content(database) != before
    with database.writing() as connection:
        migrate(connection, STORE_SCHEMA, number)
    assert schema_of(database) == (str(number), str(number))
    assert content(database) == before


def test_back_to_nothing_leaves_nothing(database: Database, tmp_path: Path) -> None:
    fill(database, 3, tmp_path)
    with database.writing() as connection:
        migrate(connection, 3, 4)
        migrate(connection, 4, 0)
        assert inspect(connection).get_table_names() == ["alembic_version"]


def test_events_of_an_earlier_version_have_their_row_each(database: Database, tmp_path: Path) -> None:
    fill(database, 3, tmp_path)
    with database.writing() as connection:
        migrate(connection, 3, STORE_SCHEMA)
        alarms = [dict(row._mapping) for row in connection.execute(select(store_tables().alarms))]
    told = [(row["event_id"], row["severity"], row["region"], row["ending"], row["messages"]) for row in alarms]
    assert told == [
        ("gate-1", "critical", "zone", "left", 3),
        ("gate-2", "high", "line", "", 1),
        ("yard-1", "high", "zone", "", 1),
    ]
    first, _, unknown = alarms
    assert first["started_ns"] == 1_795_161_601_250_000_000, "2026-11-20T08:00:01.25Z"
    assert first["ended_ns"] == first["started_ns"] + 3 * 10**9
    assert unknown["started_ns"] == 1_770_000_000_000_000_000, "without a wall time, when it was committed"


def test_each_event_of_an_earlier_version_is_of_the_kind_that_its_columns_say(
    database: Database, tmp_path: Path
) -> None:
    fill(database, 4, tmp_path)
    with database.writing() as connection:
        migrate(connection, 4, STORE_SCHEMA)
        told = [(row["event_id"], row["kind"], row["protected"]) for row in alarms_of(connection)]
    assert told == [
        ("gate-1", ("gate", "in_field", "yard", "critical", "person", "zone"), True),
        ("gate-2", ("gate", "line_crossed", "road", "high", "", "line"), False),
        ("yard-1", ("yard", "in_field", "yard", "high", "person", "zone"), False),
    ]


def test_what_the_steps_make_of_old_events_is_what_a_run_makes_of_new_ones(database: Database, tmp_path: Path) -> None:
    """The step that filled the rows is frozen; what fills them now must agree for as long as it is the newest."""
    fill(database, 3, tmp_path)
    with database.writing() as connection:
        migrate(connection, 3, STORE_SCHEMA)
        led_on = alarms_of(connection)
    with EventStore.open(old_file(3, tmp_path / "old.db"), analysis_sha256=None) as old:
        events = [stored.event for stored in old.events("commit")]
    new = StoreAddress.of(tmp_path / "new.db")
    with EventStore.open(new, analysis_sha256="a") as store:
        for event in events:
            store.commit(event.camera, [event], Position(b"", 0, 0), lambda _: [])
    with Database.connect(new).reading() as connection:
        told = alarms_of(connection)
    for row in (*led_on, *told):
        if row["camera"] == "yard":
            row["started_ns"] = 0  # when it was committed
    assert led_on == told


def test_processes_that_open_an_old_store_together_lead_it_on_once(tmp_path: Path) -> None:
    path = old_file(1, tmp_path / "events.db")

    def opened(_: int) -> int:
        with EventStore.open(path, analysis_sha256="a") as store:
            return len(list(store.events()))

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(opened, range(6))) == [5] * 6


def test_a_step_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    path = old_file(3, tmp_path / "events.db")
    raw = sqlite3.connect(path)
    raw.execute("UPDATE events SET body = '{' WHERE number = 5")
    raw.commit()
    before = list(raw.iterdump())
    with pytest.raises(ValueError, match="property name"):
        EventStore.open(path, analysis_sha256="a")
    assert list(raw.iterdump()) == before
    raw.close()


def test_who_only_reads_does_not_lead_on_what_a_run_is_using(tmp_path: Path) -> None:
    path = old_file(3, tmp_path / "events.db")
    code = (
        "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX); print('has it');"
        "sys.stdout.flush(); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        run.stdout.readline()
        with pytest.raises(StoreError, match="a run of that version is using it; try again when it is over"):
            EventStore.open(path, analysis_sha256=None)
        run.communicate()
    EventStore.open(path, analysis_sha256=None).close()


def test_a_newer_store_is_refused_with_both_numbers_and_not_changed(place: StoreAddress) -> None:
    EventStore.open(place, analysis_sha256="a").close()
    database = Database.connect(place)
    with database.writing() as connection:
        connection.execute(text("UPDATE meta SET value = '99' WHERE key = 'schema'"))
    database.close()
    with pytest.raises(StoreError, match=r"its schema is 99, this version reads 5; .*newer version") as caught:
        EventStore.open(place, analysis_sha256="a")
    assert "\n" not in str(caught.value)


def test_a_store_that_is_as_it_should_be_is_opened_without_alembic(tmp_path: Path, root: Path) -> None:
    code = (
        "import sys; from pipeline.store.event_store import EventStore;"
        "EventStore.open(sys.argv[1], analysis_sha256='a').close();"
        "EventStore.open(sys.argv[1], analysis_sha256='a').close(); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "events.db")], cwd=root, check=True)
