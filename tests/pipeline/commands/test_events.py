"""``bartizan events``: lists, shows, exports and prunes what a run left, wherever it lies."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars
import pytest
from typer.testing import CliRunner, Result

from pipeline.commands.event_filter import moment_ns
from pipeline.commands.events import app
from pipeline.errors import StoreError, UsageError
from pipeline.store.address import StoreAddress, write_address
from pipeline.store.event_store import EventStore
from pipeline.store.rendering import render_events
from tests.pipeline.store.history import DAY, NOON, make_history
from tests.postgres import PASSWORD, Postgres

Run = Callable[..., Result]


def run(*arguments: object, code: int = 0) -> str:
    """What the command prints."""
    done = CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "100"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.stdout


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a run with 42 events; not to be changed."""
    return make_results(tmp_path_factory.mktemp("results"))


def make_results(folder: Path) -> Path:
    place = StoreAddress.of(folder / "events.db")
    make_history(place, 42)
    with EventStore.open(place, analysis_sha256=None) as store:
        render_events(store, folder / "events.jsonl")
    return folder


def test_a_line_for_each_event_the_newest_first(finished: Path) -> None:
    lines = run("list", finished).splitlines()
    assert lines[0].split()[:2] == ["id", "started"]
    assert len(lines) == 43
    assert "open" in lines[1]
    assert lines[42].split() == ["event-00", "2026-11-20", "12:00:00", "100.0", "s", "10.0", "s", "medium", "yard",
                                 "door", "car"]  # fmt: skip


def test_what_is_piped_is_not_cut_off(finished: Path) -> None:
    """As wide as a terminal would be, it has no room for the reason."""
    piped = CliRunner().invoke(app, ["list", str(finished)], env={"COLUMNS": None}).stdout.splitlines()
    assert piped[0].split()[-1] == "reason"
    assert max(len(line.rstrip()) for line in piped) > 100
    assert run("list", finished).splitlines()[0].split()[-1] == "class"


def test_pages_follow_one_another(finished: Path) -> None:
    seen: list[str] = []
    after: list[str] = []
    while True:
        page = [each["id"] for each in json.loads(run("list", finished, "--limit", 10, "--json", *after))]
        seen += page
        if len(page) < 10:
            break
        after = ["--after", page[-1]]
    assert seen == [f"event-{number:04}" for number in range(42, 0, -1)]
    assert "more, oldest first: --after" in run("list", finished, "--oldest", "--limit", 3)


def test_filters_and_times_choose(finished: Path) -> None:
    ids = [each["id"] for each in json.loads(run("list", finished, "--camera", "gate", "--severity", "low", "--json",
                                                 "--since", "2026-11-25", "--until", "2026-12-02"))]  # fmt: skip
    assert ids == ["event-0012", "event-0008"]
    assert json.loads(run("list", finished, "--rule", "door", "--zone", "door", "--class", "car", "--open", "--json"))
    assert run("list", finished, "--severity", "critical", "--rule", "door", "--since", "2030-01-01") == "no events\n"


def test_what_occurs_nowhere_is_told_with_what_does(finished: Path) -> None:
    with pytest.raises(
        UsageError, match=r"--camera gaet: no event has it, did you mean 'gate'\? there are: gate, yard"
    ):
        run("list", finished, "--camera", "gaet")
    with pytest.raises(UsageError, match=r"--severity hihg: .* did you mean 'high'\?"):
        run("list", finished, "--severity", "hihg")
    with pytest.raises(UsageError, match="nothing lies between them"):
        run("list", finished, "--since", "2026-12-01", "--until", "2026-11-01")


@pytest.mark.parametrize("since", ["0001-01-01", "99999d", "1677-01-01T00:00:00Z"])
@pytest.mark.parametrize("until", ["9999-12-30", "2300-01-01T00:00:00Z"])
def test_times_before_and_after_everything_leave_every_event(finished: Path, since: str, until: str) -> None:
    assert len(json.loads(run("list", finished, "--since", since, "--until", until, "--json"))) == 42


def test_what_is_no_text_is_told(finished: Path) -> None:
    for option in ("--camera", "--rule", "--class", "--zone"):
        with pytest.raises(UsageError, match=rf"{option} 'g\\udcff': is no text in UTF-8"):
            run("list", finished, option, "g\udcff")
    with pytest.raises(UsageError, match="is no text"):
        run("show", finished, "g\udcff")


def test_a_reader_that_has_seen_enough_ends_the_export_without_a_word(finished: Path) -> None:
    command = [sys.executable, "-m", "pipeline.cli", "events", "export", str(finished), "-o", "-", "--format", "jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as exporting:
        assert exporting.stdout is not None
        exporting.stdout.close()
        assert exporting.stderr is not None
        assert exporting.stderr.read() == b""
    assert exporting.returncode == 0


def test_everything_about_one_event_is_shown(finished: Path) -> None:
    said = run("show", finished, "event-0001")
    assert "event      event-0001" in said
    assert "started    2026-11-20 12:00:00.000000 UTC" in said
    assert said.count("hook: delivered 2026-11-20 12:00:00 UTC") == 2
    plain = json.loads(run("show", finished, "event-0001", "--json"))
    assert [each["type"] for each in plain["messages"]] == ["start", "end"]
    assert plain["started_at"] == "2026-11-20T12:00:00+00:00"
    assert [each["state"] for each in plain["deliveries"]] == ["delivered", "delivered"]
    with pytest.raises(UsageError, match="'event-00' fits event-00, "):
        run("show", finished, "event-00")
    with pytest.raises(UsageError, match="has no event 'nothing'; bartizan events list"):
        run("show", finished, "nothing")


def test_csv_has_a_row_for_each_event(finished: Path, tmp_path: Path) -> None:
    run("export", finished, "-o", tmp_path / "events.csv", "--camera", "gate")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "events.csv").read_bytes().decode(), newline="")))
    assert [row["id"] for row in rows] == [f"event-{number:04}" for number in range(2, 43, 2)]
    assert rows[0]["started_at"] == "2026-11-21T12:00:00.000000+00:00", "as long as any other"
    assert rows[0]["protected"] == "false"
    assert datetime.fromisoformat(rows[0]["ended_at"]).tzinfo is not None


def test_parquet_has_the_same_rows_with_types(finished: Path, tmp_path: Path) -> None:
    run("export", finished, "-o", tmp_path / "events.parquet")
    table = polars.read_parquet(tmp_path / "events.parquet")
    assert table.height == 42
    assert table.schema["started_at"] == polars.Datetime("us", "UTC")
    first = table.row(0, named=True)
    assert (first["started_at"], first["class"]) == (datetime(2026, 11, 20, 12, tzinfo=UTC), "car")
    assert table["ended"].null_count() == 6
    assert table.filter(polars.col("severity") == "critical").height == 10
    assert list(tmp_path.iterdir()) == [tmp_path / "events.parquet"]


def test_json_lines_are_the_lines_of_the_record(finished: Path, tmp_path: Path) -> None:
    run("export", finished, "-o", tmp_path / "some.jsonl")
    record = (finished / "events.jsonl").read_bytes().splitlines()
    assert sorted((tmp_path / "some.jsonl").read_bytes().splitlines()) == sorted(record)
    assert run("export", finished, "-o", "-", "--format", "jsonl").encode() == (tmp_path / "some.jsonl").read_bytes()


def test_no_events_make_a_file_that_says_so(finished: Path, tmp_path: Path) -> None:
    for ending in ("csv", "jsonl", "parquet"):
        run("export", finished, "-o", tmp_path / f"none.{ending}", "--since", "2040-01-01")
    assert (tmp_path / "none.csv").read_text().startswith("id,camera,")
    assert (tmp_path / "none.jsonl").read_bytes() == b""
    assert polars.read_parquet(tmp_path / "none.parquet").height == 0


def test_a_file_that_cannot_be_written_is_one_line(finished: Path, tmp_path: Path) -> None:
    for ending in ("csv", "parquet"):
        with pytest.raises(UsageError, match=rf"nowhere/x\.{ending}: cannot be written"):
            run("export", finished, "-o", tmp_path / "nowhere" / f"x.{ending}")
    with pytest.raises(UsageError, match=r"say --format, or end its name with \.csv"):
        run("export", finished, "-o", tmp_path / "events.txt")


def test_pruning_says_what_it_did_and_makes_the_file_smaller(tmp_path: Path) -> None:
    make_results(tmp_path)
    run("protect", tmp_path, "event-0002")
    dry = run("prune", tmp_path, "--older-than", "2026-12-20", "--dry-run")
    assert dry.startswith("would delete 25 events (50 messages)\n  kept 4: not over\n  kept 1: protected\n")
    said = run("prune", tmp_path, "--older-than", "2026-12-20")
    assert said.startswith("deleted 25 events (50 messages)\n  kept 4: not over\n  kept 1: protected\nevents.db: ")
    assert "events.jsonl and media/ are as they were" in said
    run("unprotect", tmp_path, "event-0002")
    assert run("prune", tmp_path, "--older-than", "2026-12-20").startswith("deleted 1 events")
    assert len(json.loads(run("list", tmp_path, "--json"))) == 16


def test_the_file_keeps_its_size_while_a_run_has_the_folder(tmp_path: Path) -> None:
    make_results(tmp_path)
    code = (
        "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX); print('has it');"
        "sys.stdout.flush(); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert "keeps its size while the run goes on" in run("prune", tmp_path, "--older-than", "2026-12-20")
        holder.communicate()


def test_a_store_is_found_by_folder_file_configuration_and_url(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    address = StoreAddress.new(postgres.url, out)
    make_history(address, 3)
    write_address(address, out)
    (tmp_path / "clip.mp4").touch()
    config = tmp_path / "config.yml"
    config.write_text(f"cameras: {{gate: {{source: clip.mp4}}}}\nout: {out}\nstore: {{url: '${{STORE_URL}}'}}\n")
    monkeypatch.setenv("STORE_URL", postgres.url)
    for place in (config, f"{postgres.url}#{address.name}"):
        assert len(json.loads(run("list", place, "--json"))) == 3
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert len(json.loads(run("list", out, "--json"))) == 3
    EventStore.open(StoreAddress.new(postgres.url, out), analysis_sha256="a").close()
    with pytest.raises(UsageError, match=r"which run of this database is meant\? it has .*: name one, URL#NAME"):
        run("list", postgres.url)
    with pytest.raises(StoreError, match="there is none"):
        run("list", f"{postgres.url}#bartizan_nothing")


def test_a_place_without_a_store_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder; name the results of a run"):
        run("list", tmp_path / "nowhere")
    with pytest.raises(UsageError, match="has no event store"):
        run("list", tmp_path)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-11-20T12:00:00Z", NOON),
        ("2026-11-20T13:00:00+01:00", NOON),
        ("2026-11-20", NOON - DAY // 2),
        ("2h", NOON + DAY - 2 * 3600 * 10**9),
        ("30d", NOON + DAY - 30 * DAY),
    ],
)
def test_times_are_read_as_utc(text: str, ns: int) -> None:
    assert moment_ns(text, "--since", NOON + DAY) == ns


def test_a_date_as_an_end_counts_as_a_whole() -> None:
    assert moment_ns("2026-11-20", "--until", 0, is_end=True) == NOON + DAY // 2


@pytest.mark.parametrize("text", ["yesterday", "2026-11-20T12:00:00", "2026-13-01", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--since '.*' is no time"):
        moment_ns(text, "--since", 0)
