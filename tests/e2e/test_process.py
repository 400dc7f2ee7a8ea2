"""``bartizan process``: what comes of recordings, with which exit code, and how a second run goes on."""

import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars
import pytest

from stages.capture.pattern import Pattern
from tests.e2e.running import Running, bartizan, run_to_end
from tests.servers.clips import write_clip

PATTERN = "synthetic:160x120@10"
FRAMES = 60
COLUMNS = ["frame", "media_time_s", "track_id", "class", "confidence", "x1", "y1", "x2", "y2", "filled"]
REPORT_KEYS = {"books", "balanced", "fps", "latency_ms", "restarts"}
"""Those that every report promises."""
TITLES = [
    *("bartizan: capture[clip]", "bartizan: capture[pictures]", "bartizan: dispatch", "bartizan: detect[0]"),
    *("bartizan: alert", "bartizan: evidence", "bartizan: deliver"),
]


def write_pictures(folder: Path) -> Path:
    """A folder of pictures with the same scene as the clip, at the rate that folders have."""
    folder.mkdir()
    pattern = Pattern.parse(f"{PATTERN}?boxes=1")
    for number in range(FRAMES):
        cv2.imwrite(str(folder / f"picture{number}.png"), pattern.draw(number))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip, a folder of pictures, and a clip that is damaged."""
    folder = tmp_path_factory.mktemp("recordings")
    whole = write_clip(folder / "clip.mp4", frames=FRAMES, source=f"{PATTERN}?boxes=2").read_bytes()
    (folder / "damaged.mp4").write_bytes(whole[:2000])
    write_pictures(folder / "pictures")
    return folder


@pytest.fixture(scope="module")
def titles() -> list[str]:
    """Titles seen while ``finished`` ran."""
    return []


@pytest.fixture(scope="module")
def finished(folder: Path, titles: list[str]) -> Running:
    """The clip and the pictures, run through from their folder by relative names."""
    out = folder / "out"
    run = Running(["process", "clip.mp4", "pictures", "--out", "out"], out, cwd=folder)
    try:
        while run.command.poll() is None:
            titles += sorted({f"bartizan: {label}" for label in run.children()} - set(titles))
            time.sleep(0.02)
        assert run.wait() == 0, run.said()
    finally:
        run.end()
    assert run.report()["balanced"], run.report()["imbalances"]
    return run


def results(out: Path) -> dict[str, bytes]:
    """All result files but the report of the run and its log."""
    folders = [out / "media", out / "tracks"]
    files = [out / "events.jsonl", *(file for folder in folders for file in folder.iterdir())]
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


def test_every_process_says_in_its_title_what_it_does(finished: Running, titles: list[str]) -> None:
    assert sorted(titles) == sorted(TITLES)


def test_a_run_leaves_the_files_that_were_promised(finished: Running) -> None:
    assert {path.name for path in finished.out.iterdir()} >= {
        *("events.jsonl", "events.db", "report.json", "media", "tracks"),
    }
    assert {path.name for path in (finished.out / "tracks").glob("*.parquet")} == {"clip.parquet", "pictures.parquet"}
    assert not (finished.out / "status.json").exists()


def test_every_event_that_starts_has_a_picture(finished: Running) -> None:
    starts = [event for event in finished.events() if event["type"] == "start"]
    assert {event["camera"] for event in starts} == {"clip", "pictures"}
    wanted = {event["evidence"]["snapshot"] for event in starts}
    assert wanted <= {f"media/{path.name}" for path in (finished.out / "media").iterdir()}
    for snapshot in wanted:
        picture = cv2.imread(str(finished.out / snapshot))
        assert picture is not None
        assert picture.shape[0] >= 120  # and the caption
        assert picture.shape[1] == 160


@pytest.mark.parametrize("camera", ["clip", "pictures"])
def test_tracks_have_the_promised_columns_in_the_frames_own_numbers(finished: Running, camera: str) -> None:
    tracks = polars.read_parquet(finished.out / "tracks" / f"{camera}.parquet")
    assert tracks.columns == COLUMNS
    frame, seconds, identity, confidence, x1, y1, x2, y2 = (
        tracks[name].to_numpy() for name in COLUMNS if name not in ("class", "filled")
    )
    assert frame.min() >= 1
    assert frame.max() == FRAMES
    assert np.abs((frame - 1) / 10 - seconds).max() < 1e-6
    assert set(tracks["class"]) == {"object"}
    assert identity.min() == 1
    assert confidence.min() > 0
    assert confidence.max() <= 1
    assert (x1 < x2).all()
    assert (y1 < y2).all()
    assert x2.max() <= 160
    assert not tracks.select("frame", "track_id").is_duplicated().any()


def test_the_report_has_a_book_for_every_stage_of_every_camera(finished: Running) -> None:
    report = finished.report()
    assert report.keys() >= REPORT_KEYS
    assert {(book["stage"], book["camera"]) for book in report["books"]} == {
        (stage, camera) for stage in ("capture", "dispatch", "detect", "alert") for camera in ("clip", "pictures")
    }
    for book in report["books"]:
        assert book.keys() == {"stage", "camera", "in", "out", "dropped", "in_flight"}
        assert book["in"] == book["out"] + sum(book["dropped"].values())
        assert book["in_flight"] == 0
    assert {book["in"] for book in report["books"] if book["stage"] == "capture"} == {FRAMES}
    assert report["latency_ms"].keys() >= {"p50", "p95", "p99"}
    assert report["fps"] > 0


def test_nothing_of_the_run_is_in_the_events(finished: Running, folder: Path) -> None:
    text = (finished.out / "events.jsonl").read_text()
    assert str(folder) not in text
    assert "bartizan-" not in text
    assert "processed_time" not in text
    for event in finished.events():
        assert event["wall_time"] is None
        assert not Path(event["evidence"].get("snapshot", "media")).is_absolute()


def test_the_same_recordings_elsewhere_give_the_same_bytes(
    finished: Running, folder: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "clip.mp4").write_bytes((folder / "clip.mp4").read_bytes())
    (elsewhere / "pictures").symlink_to(folder / "pictures")
    sources = [str(elsewhere / "clip.mp4"), str(elsewhere / "pictures")]
    out = tmp_path / "other results"
    workers = ["--set", "stages.detect.workers=2"]
    run = run_to_end(["process", *sources, "--out", str(out), *workers], out, cwd=tmp_path)
    assert results(run.out) == results(finished.out)


def test_a_second_run_over_finished_recordings_changes_nothing(finished: Running, folder: Path) -> None:
    before = results(finished.out)
    second = run_to_end(["process", "clip.mp4", "pictures", "--out", "out"], finished.out, cwd=folder)
    assert results(second.out) == before
    assert second.report()["restarts"] == []


def test_the_results_of_another_analysis_are_not_touched_unless_told(finished: Running, folder: Path) -> None:
    before = results(finished.out)
    other = ["process", "clip.mp4", "pictures", "--out", "out", "--rule", "loitering:seconds=1"]
    refused = bartizan(*other, code=2, cwd=folder)
    assert "another analysis" in refused.stderr
    assert "--overwrite" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert results(finished.out) == before


def test_rules_and_values_can_be_set_on_the_command_line(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    rules = [
        *("--rule", "loitering:seconds=1,severity=critical"),
        *("--rule", "in_field:zone=[[0,0],[1,0],[1,1],[0,1]],classes=[object]"),
        *("--rule", "line_crossed:line=[[0.5,0],[0.5,1]]"),
    ]
    values = ["--set", "cameras.pictures.fps=5", "--set", "cameras.pictures.start_time=2026-03-01T12:00:00+01:00"]
    run = run_to_end(["process", str(folder / "pictures"), "--out", str(out), *rules, *values], out)
    events = run.events()
    assert {event["rule"] for event in events} == {"loitering", "in_field", "line_crossed"}
    assert {event["severity"] for event in events if event["rule"] == "loitering"} == {"critical"}
    assert all(event["wall_time"].startswith("2026-03-01T11:00:0") for event in events)
    book = book_of(run.report(), "capture")
    assert book["dropped"]["rate_limited"] == FRAMES // 2


def test_a_damaged_file_fails_alone(finished: Running, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sources = [str(folder / name) for name in ("clip.mp4", "damaged.mp4", "pictures")]
    run = run_to_end(["process", *sources, "--out", str(out)], out, code=1)
    ended = {source["camera"]: source["ended"] for source in run.report()["sources"]}
    assert (ended["clip"], ended["pictures"]) == ("eof", "eof")
    assert ended["damaged"].startswith("failed: ")
    assert "damaged.mp4" in ended["damaged"]
    assert "camera damaged: failed" in run.output.read_text()
    assert told(run) == told(finished)


def told(run: Running) -> list[dict[str, Any]]:
    """The events without the hash of the analysis and the identities made from it."""
    own = {"analysis_sha256", "id", "message_id", "evidence"}
    return [{key: value for key, value in event.items() if key not in own} for event in run.events()]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["clip.mp4", "nowhere.mp4"], "nowhere.mp4: cameras.nowhere.source: no such file"),
        (["rtsp://127.0.0.1/a"], "is no recording; for live cameras: bartizan watch"),
        (["clip.mp4", "--rule", "lottering"], "did you mean 'loitering'"),
        (["clip.mp4", "--set", "cameras.clip.fsp=5"], "did you mean 'fps'"),
        (["clip.mp4", "--set", "cameras.clip.fps=0"], "cameras.clip.fps"),
        (["clip.mp4", "--out", "clip.mp4"], "is a file: name a folder"),
        ([], "FILE"),
    ],
)
def test_a_mistake_on_the_command_line_ends_it_with_2_before_anything_starts(
    folder: Path, arguments: list[str], said: str
) -> None:
    done = bartizan("process", *arguments, code=2, cwd=folder)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def book_of(report: dict[str, Any], stage: str) -> dict[str, Any]:
    found: dict[str, Any] = next(book for book in report["books"] if book["stage"] == stage)
    return found


def test_the_report_is_json_for_programs(finished: Running) -> None:
    assert json.loads((finished.out / "report.json").read_text())["balanced"] is True
