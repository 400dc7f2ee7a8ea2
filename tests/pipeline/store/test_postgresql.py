"""The event store on a server: what it says when it cannot be used, and what happens when it goes away."""

import logging
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.errors import CannotStart, StoreError, UsageError
from pipeline.redaction import redact
from pipeline.store.address import StoreAddress, find_address, write_address
from pipeline.store.database import Database, Patience
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from tests.postgres import PASSWORD, Postgres

HOUR = Patience(3600)


def new(postgres: Postgres, folder: Path) -> StoreAddress:
    return StoreAddress.new(postgres.url, folder)


def commit(store: EventStore, ordinal: int, camera: str = "gate") -> None:
    position = Position(b"s", ordinal, ordinal)
    store.commit(camera, [sample_event(camera, ordinal, id=f"{camera}-{ordinal}")], position, lambda event: ["hook"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"password": "not-the-word"}, "the server refuses the password of user 'bartizan'"),
        ({"user": "nobody", "password": "not-the-word"}, "the server refuses the password of user 'nobody'"),
        ({"database": "nowhere"}, "the server has no database 'nowhere': make it"),
    ],
)
def test_what_the_server_refuses_is_one_line_without_the_password(
    postgres: Postgres, tmp_path: Path, changes: dict[str, str], told: str
) -> None:
    with pytest.raises(CannotStart, match=told) as caught:
        EventStore.open(StoreAddress.new(postgres.url_of(**changes), tmp_path), analysis_sha256="a", patience=HOUR)
    assert "\n" not in str(caught.value)
    assert not {PASSWORD, "not-the-word"} & set(str(caught.value).replace(":", "@").split("@"))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://me:hunter2@127.0.0.1:1/events", "me@127.0.0.1:1/events .*connection refused"),
        ("postgresql://me:hunter2@nowhere.invalid/events", "no such host"),
    ],
)
def test_a_server_that_was_never_there_is_told_at_once(tmp_path: Path, url: str, told: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(CannotStart, match=told) as caught:
        EventStore.open(StoreAddress.new(url, tmp_path), analysis_sha256="a")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(StoreAddress.new(url, tmp_path))


def test_a_missing_driver_is_told_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(CannotStart, match=r"pip install 'bartizan\[postgres\]'"):
        EventStore.open(StoreAddress.new("postgresql://me:hunter2@127.0.0.1/events", tmp_path), analysis_sha256="a")


def test_the_password_of_a_store_is_hidden_from_whatever_is_logged_later(postgres: Postgres, tmp_path: Path) -> None:
    EventStore.open(new(postgres, tmp_path), analysis_sha256="a").close()
    assert PASSWORD not in redact(f"something said {PASSWORD} aloud")


def test_the_folder_of_results_keeps_the_address_and_not_the_password(postgres: Postgres, tmp_path: Path) -> None:
    address = new(postgres, tmp_path)
    write_address(address, tmp_path)
    assert PASSWORD not in (tmp_path / "store.json").read_text()
    assert find_address(tmp_path, postgres.url) == address
    assert find_address(tmp_path).text == f"postgresql://bartizan@127.0.0.1:{postgres.port}/bartizan"
    assert find_address(tmp_path / "elsewhere").is_file


def test_runs_in_one_database_do_not_see_one_another(postgres: Postgres, tmp_path: Path) -> None:
    with (
        EventStore.open(new(postgres, tmp_path), analysis_sha256="a") as one,
        EventStore.open(new(postgres, tmp_path), analysis_sha256="b") as other,
    ):
        commit(one, 1)
        commit(other, 1, "yard")
        assert [stored.event.camera for stored in one.events()] == ["gate"]
        assert [stored.event.camera for stored in other.events()] == ["yard"]


def test_a_store_under_a_name_that_another_folder_has_is_refused_and_not_erased(
    postgres: Postgres, tmp_path: Path
) -> None:
    name = f"north_{secrets.token_hex(4)}"
    mine, another = (StoreAddress.new(postgres.url, tmp_path, name) for _ in range(2))
    with EventStore.open(mine, analysis_sha256="a") as store:
        commit(store, 1)
    for overwrite in (False, True):
        with pytest.raises(UsageError, match=r"belongs to another folder of results; take another store\.name"):
            EventStore.open(another, analysis_sha256="a", overwrite=overwrite)
    with EventStore.open(mine, analysis_sha256="a") as store:
        assert len(list(store.events())) == 1
    with EventStore.open(mine, analysis_sha256="b", overwrite=True) as store:
        assert list(store.events()) == []


def test_opening_for_reading_makes_no_schema(postgres: Postgres, tmp_path: Path) -> None:
    address = new(postgres, tmp_path)
    with pytest.raises(StoreError, match="there is none"):
        EventStore.open(address, analysis_sha256=None)
    assert postgres.ask(f"SELECT 1 FROM pg_namespace WHERE nspname = '{address.name}'") == []


def test_messages_are_numbered_in_the_order_of_their_commits(postgres: Postgres, tmp_path: Path) -> None:
    """Whoever reads on from a number leaves nothing out, though several processes write."""
    address = new(postgres, tmp_path)
    EventStore.open(address, analysis_sha256="a").close()
    over = threading.Event()

    def write(camera: str) -> None:
        with EventStore.open(address, analysis_sha256="a") as store:
            for ordinal in range(1, 31):
                commit(store, ordinal, camera)

    def follow() -> list[int]:
        seen: list[int] = []
        with EventStore.open(address, analysis_sha256="a") as store:
            while True:
                last_round = over.is_set()
                seen += [stored.number for stored in store.events("commit", after=seen[-1] if seen else 0)]
                if last_round:
                    return seen

    with ThreadPoolExecutor(4) as pool:
        reader = pool.submit(follow)
        for writer in [pool.submit(write, camera) for camera in ("gate", "yard", "attic")]:
            writer.result()
        over.set()
        assert len(reader.result()) == 90


def test_no_statement_is_compiled(postgres: Postgres, tmp_path: Path) -> None:
    """Which would take longer than to answer it."""
    with closing(Database.connect(new(postgres, tmp_path))) as database, database.reading() as connection:
        assert connection.exec_driver_sql("SHOW jit").scalar() == "off"


@pytest.fixture
def unknown(postgres: Postgres, tmp_path: Path) -> StoreAddress:
    """A store with 4,000 messages, of which the server has no statistics and makes none by itself."""
    address = new(postgres, tmp_path)
    with EventStore.open(address, analysis_sha256="a") as store:
        for table in ("events", "alarms"):
            postgres.ask(f'ALTER TABLE "{address.name}".{table} SET (autovacuum_enabled = off)')
        events = [sample_event(ordinal=ordinal, id=f"gate-{ordinal}") for ordinal in range(4000)]
        store.commit("gate", events, Position(b"", 1, 1), lambda _: [])
    return address


def times_read(postgres: Postgres, address: StoreAddress) -> object:
    """How often the whole table of messages was read, by connections that are over: each tells of it as it ends."""
    deadline = time.monotonic() + 30
    while postgres.ask("SELECT 1 FROM pg_stat_activity WHERE application_name = 'bartizan'"):
        assert time.monotonic() < deadline, "a connection is still open"
        time.sleep(0.01)
    where = f"relid = '\"{address.name}\".events'::regclass"
    return postgres.ask(f"SELECT seq_scan FROM pg_stat_all_tables WHERE {where}")[0][0]


def test_once_large_tables_are_surveyed_no_page_of_messages_reads_them_all(
    postgres: Postgres, unknown: StoreAddress
) -> None:
    with EventStore.open(unknown, analysis_sha256=None) as store:
        assert store.survey() == ["events"]
        assert store.survey() == [], "the server knows them now"
    before = times_read(postgres, unknown)
    with EventStore.open(unknown, analysis_sha256=None) as store:
        assert len(store.catalogue.bodies([f"gate-{number}" for number in range(60)])) == 60
    assert times_read(postgres, unknown) == before


def test_what_cannot_be_surveyed_now_is_said_and_goes_on(
    postgres: Postgres, unknown: StoreAddress, caplog: pytest.LogCaptureFixture
) -> None:
    impatient = f"{postgres.url}?options=-c%20lock_timeout=100#{unknown.name}"
    with (
        EventStore.open(impatient, analysis_sha256=None) as store,
        EventStore.open(unknown, analysis_sha256=None) as another,
        another._database.writing() as connection,
    ):
        connection.exec_driver_sql("LOCK TABLE events IN SHARE UPDATE EXCLUSIVE MODE")  # as VACUUM does
        assert store.survey() == []
        assert len(store.catalogue.bodies(["gate-7"])) == 1
    assert [record.getMessage().partition("; it goes on ")[2] for record in caplog.records] == [
        "without having looked at events, and slower"
    ]


@pytest.mark.parametrize("may", ["GRANT bartizan TO {role}", "ALTER ROLE {role} RESET ALL"])
def test_who_may_only_read_surveys_nothing(postgres: Postgres, unknown: StoreAddress, may: str) -> None:
    """It owns the tables and the server takes nothing that is written, or the other way round."""
    role = f"reader_{secrets.token_hex(4)}"
    postgres.ask(f"CREATE ROLE {role} LOGIN PASSWORD 'reads'")
    postgres.ask(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    postgres.ask(f'GRANT USAGE ON SCHEMA "{unknown.name}" TO {role}')
    postgres.ask(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{unknown.name}" TO {role}')
    postgres.ask(may.format(role=role))
    with EventStore.open(f"{postgres.url_of(role, 'reads')}#{unknown.name}", analysis_sha256=None) as store:
        assert store.survey() == []
        assert len(store.catalogue.bodies(["gate-7"])) == 1


def test_what_a_receiver_says_is_kept_whatever_letters_it_has(postgres: Postgres, tmp_path: Path) -> None:
    with EventStore.open(new(postgres, tmp_path), analysis_sha256="a") as store:
        commit(store, 1)
        store.failed(store.pending("hook", 0)[0], "no \0 and half \ud83d", next_attempt_ns=0)
        assert store.pending("hook", 1)[0].last_error == "no \ufffd and half ?"


def test_a_restart_of_the_server_between_two_commits_is_not_noticed(postgres: Postgres, tmp_path: Path) -> None:
    with EventStore.open(new(postgres, tmp_path), analysis_sha256="a", patience=Patience(30)) as store:
        commit(store, 1)
        postgres.stop()
        postgres.start()
        commit(store, 2)
        assert [stored.event.ordinal for stored in store.events()] == [1, 2]


def test_a_server_that_is_away_is_waited_for_and_both_are_said_once(
    postgres: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[float] = []
    patience = Patience(30, lambda: answers.append(time.monotonic()))
    with EventStore.open(new(postgres, tmp_path), analysis_sha256="a", patience=patience) as store:
        postgres.stop()
        back = threading.Timer(1.5, postgres.start)
        back.start()
        try:
            with caplog.at_level(logging.INFO):
                commit(store, 1)
        finally:
            back.join()
        assert len(list(store.events())) == 1
    assert len(answers) >= 4, "the supervisor was answered meanwhile"
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "connection refused (is it running?); trying again for 30 s, nothing is lost meanwhile" in told[0]
    assert "is back after" in told[1]


def test_a_server_that_stays_away_is_an_error_after_the_wait_and_not_a_reason_to_give_up(
    postgres: Postgres, tmp_path: Path
) -> None:
    with EventStore.open(new(postgres, tmp_path), analysis_sha256="a", patience=Patience(0.5)) as store:
        postgres.stop()
        try:
            with pytest.raises(StoreError, match=r"connection refused .*; waited for"):
                commit(store, 1)
        finally:
            postgres.start()
        commit(store, 1)


def test_a_connection_that_is_lost_within_a_commit_keeps_nothing_of_it(postgres: Postgres, tmp_path: Path) -> None:
    def route(event: object) -> list[str]:
        postgres.stop()
        postgres.start()
        return ["hook"]

    address = new(postgres, tmp_path)
    with EventStore.open(address, analysis_sha256="a", patience=Patience(30)) as store:
        commit(store, 1)
        with pytest.raises(StoreError, match="broke"):
            store.commit("gate", [sample_event(ordinal=2)], Position(b"", 2, 2), route)
    with EventStore.open(address, analysis_sha256="a") as store:
        position = store.position("gate")
        assert position is not None
        assert (position.log_records, len(list(store.events()))) == (1, 1)
