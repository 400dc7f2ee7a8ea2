"""A pipeline whose events lie on a server that is restarted under it."""

import signal
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.running import process_command, run_to_end
from tests.postgres import PASSWORD, Postgres

CLIP, FRAMES = "campus", 300


@pytest.mark.slow
def test_a_server_that_is_restarted_and_processes_that_are_killed_change_nothing(
    start: Start, postgres: Postgres, campus: Path, tmp_path: Path
) -> None:
    plain = run_to_end(process_command(campus, tmp_path / "plain"), tmp_path / "plain")
    out = tmp_path / "out"
    run = start(process_command(campus, out, "--set", f"store.url={postgres.url}"), out)
    run.wait_frames(CLIP, FRAMES // 4)
    postgres.stop(signal.SIGQUIT)  # as if its machine had lost power
    postgres.start()
    run.wait_frames(CLIP, FRAMES // 2)
    run.signal("alert", signal.SIGKILL)
    run.signal("deliver", signal.SIGKILL)
    postgres.stop()
    postgres.start()
    assert run.wait() == 0, run.said()
    assert run.report()["balanced"]
    assert (out / "events.jsonl").read_bytes() == (plain.out / "events.jsonl").read_bytes()
    assert not (out / "events.db").exists()
    everything = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert PASSWORD.encode() not in everything + run.said().encode()


def test_a_run_whose_server_is_not_there_does_not_start(start: Start, root: Path, tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    clip, out = root / "sample_videos" / "campus.mp4", tmp_path / "out"
    url = f"postgresql://bartizan:{PASSWORD}@127.0.0.1:1/bartizan"
    run = start(process_command(clip, out, "--set", f"store.url={url}"), out)
    assert run.wait() == 3
    said = run.said()
    assert said.count("\n") == 1
    assert "connection refused (is it running?)" in said
    assert PASSWORD not in said
    assert not (out / "store.json").exists()
