"""Recordings: whatever process is killed or frozen, whenever, and however many workers there are, the same events."""

import signal
from pathlib import Path

import pytest

from tests.e2e.conftest import Start
from tests.e2e.running import Running, process_command, run_to_end

FRAMES = 300
CLIP = "campus"
PROCESSES = [(f"capture[{CLIP}]", "alert"), ("dispatch", "evidence"), ("detect[0]", "deliver")]
"""All of them; two at a time leave more ways to go wrong than one, and cost half the runs."""


@pytest.fixture(scope="module")
def undisturbed(campus: Path, tmp_path_factory: pytest.TempPathFactory) -> Running:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    run = run_to_end(["process", str(campus), "--out", str(out)], out)
    assert run.report()["restarts"] == []
    assert len(run.events()) > 20
    return run


def same_as(undisturbed: Running, run: Running) -> None:
    assert run.wait() == 0, run.said()
    report = run.report()
    assert report["balanced"], report["imbalances"]
    assert (run.out / "events.jsonl").read_bytes() == (undisturbed.out / "events.jsonl").read_bytes()
    for folder in ("media", "originals"):
        pictures = {path.name: path.read_bytes() for path in (undisturbed.out / folder).iterdir()}
        assert {path.name: path.read_bytes() for path in (run.out / folder).iterdir()} == pictures
    tracks = Path("tracks") / f"{CLIP}.parquet"
    assert (run.out / tracks).read_bytes() == (undisturbed.out / tracks).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("labels", PROCESSES, ids=" and ".join)
def test_killed_and_frozen_processes_change_nothing(
    start: Start, undisturbed: Running, campus: Path, tmp_path: Path, labels: tuple[str, str]
) -> None:
    run = start(process_command(campus, tmp_path / "out"), tmp_path / "out")
    for label in labels:
        run.child(label)
        run.signal(label, signal.SIGKILL)  # while it starts
    run.wait_frames(CLIP, FRAMES // 4)
    for label in labels:
        run.signal(label, signal.SIGKILL)
    run.wait_frames(CLIP, FRAMES // 2)
    frozen = [run.signal(label, signal.SIGSTOP) for label in labels]
    same_as(undisturbed, run)
    for label in labels:
        assert len(run.restarts(label)) >= 2, f"pids {frozen}: {run.report()['restarts']}"


@pytest.mark.slow
def test_best_pictures_are_the_same_if_their_process_is_killed_while_it_chooses(
    start: Start, undisturbed: Running, campus: Path, tmp_path: Path
) -> None:
    run = start(process_command(campus, tmp_path / "out"), tmp_path / "out")
    run.wait_for(lambda: any((run.out / "media").glob("*.crop.jpg")), "a first best picture")
    run.signal("evidence", signal.SIGKILL)
    same_as(undisturbed, run)
    assert "killed from outside (SIGKILL)" in run.restarts("evidence")


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(
    start: Start, undisturbed: Running, campus: Path, tmp_path: Path
) -> None:
    workers = 3  # two: test_process.py
    options = ["--set", f"stages.detect.workers={workers}"]
    run = start(process_command(campus, tmp_path / "out", *options), tmp_path / "out")
    run.wait_frames(CLIP, FRAMES // 3)
    run.signal(f"detect[{workers - 1}]", signal.SIGKILL)
    same_as(undisturbed, run)


@pytest.mark.slow
def test_a_run_whose_supervisor_was_killed_goes_on_where_it_was(
    start: Start, undisturbed: Running, campus: Path, tmp_path: Path
) -> None:
    command = process_command(campus, tmp_path / "out")
    first = start(command, tmp_path / "out")
    first.wait_frames(CLIP, FRAMES // 3)
    first.kill()
    reached = first.frames(CLIP)
    second = start(command, tmp_path / "out")
    same_as(undisturbed, second)
    assert second.frames(CLIP) == FRAMES > reached
