"""Clips of events: cut out of recordings, copied from live streams, whatever is killed on the way."""

import json
import shutil
import signal
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import pytest

from stages.record.offset import Offset, measure_offset
from tests.e2e.conftest import Start
from tests.e2e.running import Running, process_command
from tests.e2e.test_live import QUICK, camera_options
from tests.servers.mjpeg import mjpeg_server, write_jpegs
from tests.servers.rtsp import aio_rtsp_server, file_launch, gst_rtsp_server

RECORD = ["--set", "stages.record={pre_roll_s: 1, post_roll_s: 1}"]
CAMPUS = "campus"


def notes(run: Running, camera: str) -> list[dict[str, Any]]:
    """What is said of each clip."""
    return [json.loads(path.read_text()) for path in sorted((run.out / "media" / camera).glob("*.json"))]


def pictures(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def grey(path: Path, part: tuple[slice, slice]) -> int:
    """The brightest pixel that ever was in a part of the picture."""
    with av.open(str(path)) as container:
        return max(int(np.max(frame.to_ndarray(format="gray")[part])) for frame in container.decode(video=0))


@pytest.mark.slow
def test_each_event_of_a_recording_has_a_clip_of_its_time(start: Start, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = start([*process_command(root / "sample_videos" / "campus.mp4", out), *RECORD], out)
    run.child(f"record[{CAMPUS}]")
    run.signal(f"record[{CAMPUS}]", signal.SIGKILL)
    assert run.wait() == 0, run.said()
    started = {event["id"]: event for event in run.events() if event["type"] == "start"}
    ended = {event["id"]: event for event in run.events() if event["type"] == "end"}
    told = {note["event"]: note for note in notes(run, CAMPUS)}
    assert len(started) > 10
    assert set(told) == set(started), run.said()
    for name, note in told.items():
        clip = run.out / started[name]["evidence"]["clip"]
        assert note["started"] <= max(started[name]["started"] - 1, 0)
        assert note["ended"] >= min(ended[name]["media_time"] + 1, 79.4) - 0.11
        assert note["event_at_s"] == pytest.approx(started[name]["started"] - note["started"], abs=1e-3)
        assert pictures(clip) == note["frames"]


@pytest.mark.slow
def test_what_a_privacy_mask_hides_is_in_no_clip(start: Start, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    mask = f"cameras.{CAMPUS}.masks=[[[0, 0], [0.2, 0], [0.2, 0.2], [0, 0.2]]]"
    run = start([*process_command(root / "sample_videos" / "campus.mp4", out), *RECORD, "--set", mask], out)
    assert run.wait() == 0, run.said()
    clips = sorted((run.out / "media" / CAMPUS).glob("*.mp4"))
    assert len(clips) > 10
    assert max(grey(clip, (slice(0, 100), slice(0, 130))) for clip in clips[:5]) < 30
    assert min(grey(clip, (slice(200, 500), slice(200, 700))) for clip in clips[:5]) > 100


@pytest.mark.slow
def test_a_live_event_has_a_clip_that_begins_before_it(start: Start, root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    shutil.copy(root / "sample_videos" / "campus.mp4", folder)
    out, camera = tmp_path / "out", "127_0_0_1"
    with aio_rtsp_server(folder) as server:
        url = f"{server.url}/campus.mp4?play_count=0"
        run = start(["watch", url, "--out", str(out), *QUICK, *camera_options(camera), *RECORD], out)
        run.wait_for(lambda: len(notes(run, camera)) >= 2, "two clips")
        media = out / "media" / camera
        torn = run.wait_for(lambda: sorted(media.glob("*.part.mp4")), "a clip under way")[0].name.partition(".")[0]
        run.replace(f"record[{camera}]")
        run.wait_for(lambda: torn in {note["event"] for note in notes(run, camera)}, "the clip that was torn")
        assert run.stop() == 0, run.said()
    assert not list((out / "media" / camera).glob("*.part.mp4"))
    started = {event["id"]: event for event in run.events() if event["type"] == "start"}
    settled = {path.stem for path in (out / "media" / camera).iterdir() if path.suffix in (".json", ".missing")}
    assert settled == set(started), "each event has a clip, or a note that says why it has none"
    for note in notes(run, camera):
        event = started[note["event"]]
        begun = datetime.fromisoformat(event["wall_time"]).timestamp() - (event["media_time"] - event["started"])
        assert note["clock"] in ("camera", "arrival")
        assert "offset_s" in note
        assert note["event_at_s"] == pytest.approx(
            begun - datetime.fromisoformat(note["started"]).timestamp(), abs=0.01
        )
        assert pictures(out / event["evidence"]["clip"]) == note["frames"]
        if not note["short"]:
            assert note["event_at_s"] >= 0.8


@pytest.mark.slow
def test_how_far_two_streams_without_a_clock_are_apart_is_measured(start: Start, root: Path, tmp_path: Path) -> None:
    with av.open(str(root / "sample_videos" / "campus.mp4")) as container:
        frames = (frame.to_ndarray(format="bgr24").astype(np.uint8) for frame in container.decode(video=0))
        write_jpegs(tmp_path / "media" / "yard", islice(frames, 60, 360))
    out, camera = tmp_path / "out", "127_0_0_1"
    with mjpeg_server(tmp_path / "media") as server:
        url = f"{server.url}/yard"
        record = f"stages.record={{source: '{url}?late_s=1.2', pre_roll_s: 2, post_roll_s: 2}}"
        options = [*QUICK, *camera_options(camera), "--set", record]
        run = start(["watch", f"{url}?late_s=0", "--out", str(out), *options], out)
        measured = run.wait_for(
            lambda: [note["offset_s"] for note in notes(run, camera) if note["offset_s"] is not None],
            "a measured offset",
        )
        assert run.stop() == 0, run.said()
    assert {note["clock"] for note in notes(run, camera)} == {"arrival"}
    assert measured[0] == pytest.approx(1.2, abs=0.5)


@pytest.mark.slow
@pytest.mark.parametrize(("codec", "wrong_clock"), [("h264", False), ("hevc", True)])
def test_with_sender_reports_a_clip_shows_an_event_within_one_frame(
    start: Start, root: Path, tmp_path: Path, codec: Literal["h264", "hevc"], wrong_clock: bool
) -> None:
    """Even if the camera's clock was never set."""
    clip = root / "sample_videos" / "campus.mp4"
    if codec == "hevc":
        clip = as_hevc(clip, tmp_path / "campus.mp4")
    out, camera = tmp_path / "out", "127_0_0_1"
    options = [*QUICK, *camera_options(camera), *RECORD, "--set", f"cameras.{camera}.backend=pyav"]
    with gst_rtsp_server({"/yard": file_launch(clip, codec)}, shared=True, wrong_clock=wrong_clock) as server:
        run = start(["watch", f"{server.url}/yard", "--out", str(out), *options], out)
        found = wait_whole(run, camera, 6)
        assert run.stop() == 0, run.said()
    started = {event["id"]: event for event in run.events() if event["type"] == "start"}
    offsets = [measured.seconds for note in found if (measured := measured_on(run, started[note["event"]], note))]
    assert np.median(np.abs(offsets)) <= 0.1
    seventy_years_s = (datetime(1970, 1, 1) - datetime(1900, 1, 1)).total_seconds()
    assert all(abs(note["camera_ahead_s"] + wrong_clock * seventy_years_s) < 60 for note in found)


def wait_whole(run: Running, camera: str, count: int) -> list[dict[str, Any]]:
    """So many clips in which nothing is missing, since the camera has said what its clock is."""

    def whole() -> list[dict[str, Any]]:
        found = [note for note in notes(run, camera) if note["clock"] == "camera" and not note["short"]]
        return found if len(found) >= count else []

    return run.wait_for(whole, f"{count} clips by the camera's clock")


def measured_on(run: Running, event: dict[str, Any], note: dict[str, Any]) -> Offset | None:
    seen, clip = event["object"], run.out / event["evidence"]["clip"]
    return measure_offset(
        clip,
        (run.out / event["evidence"]["snapshot"]).read_bytes(),
        box=seen["box"],
        box_px=seen["box_px"],
        at_s=note["event_at_s"] + event["media_time"] - event["started"],
        reach_s=1,
    )


def as_hevc(source: Path, path: Path) -> Path:
    with av.open(str(source)) as taken, av.open(str(path), "w") as made:
        stream = made.add_stream("hevc", rate=10, options={"preset": "ultrafast", "x265-params": "log-level=none"})
        shape = taken.streams.video[0]
        stream.width, stream.height, stream.pix_fmt = shape.width, shape.height, "yuv420p"
        for frame in taken.decode(video=0):
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return path


@pytest.mark.slow
def test_a_disk_that_fills_up_stops_recording_with_a_critical_event_and_analysis_goes_on(
    start: Start, root: Path, tmp_path: Path, small_disk: Path
) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    shutil.copy(root / "sample_videos" / "campus.mp4", folder)
    out, camera = small_disk / "out", "127_0_0_1"
    record = "stages.record={pre_roll_s: 1, post_roll_s: 1, reserve_mb: 30}"
    with aio_rtsp_server(folder) as server:
        url = f"{server.url}/campus.mp4?play_count=0"
        run = start(["watch", url, "--out", str(out), *QUICK, *camera_options(camera), "--set", record], out)
        run.wait_frames(camera, 20)
        filler = small_disk / "filler"
        filler.write_bytes(bytes(35_000_000))
        events = wait_told(run, ["start"])
        assert events[0]["severity"] == "critical"
        assert "30 MB" in events[0]["reason"]
        frames = run.frames(camera)
        run.wait_frames(camera, frames + 20)
        filler.unlink()
        wait_told(run, ["start", "end"])
        assert run.stop() == 0, run.said()
    assert run.report()["balanced"]


def wait_told(run: Running, wanted: list[str]) -> list[dict[str, Any]]:
    """Until these messages have been told about the recording."""

    def told() -> list[dict[str, Any]]:
        found = [event for event in run.events_so_far() if event["rule"] == "not_recorded"]
        return found if [event["type"] for event in found] == wanted else []

    return run.wait_for(told, f"{wanted} of the recording")
