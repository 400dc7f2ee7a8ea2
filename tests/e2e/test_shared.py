"""Recording over the connection that analysis has: the frame of an event is a frame of its clip, whoever is killed."""

import signal
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from pipeline.messages import FrameRecord, Status
from stages.capture.pattern import read_barcode
from tests.e2e.conftest import Start
from tests.e2e.running import Running
from tests.e2e.test_live import records
from tests.e2e.test_record import notes
from tests.servers.clips import write_clip
from tests.servers.rtsp import aio_rtsp_server

CONFIGURATION = """
cameras:
  gate:
    source: SOURCE
    open_timeout_s: 3
    read_timeout_s: 1.5
    masks: [[[0, 0.9], [1, 0.9], [1, 1], [0, 1]]]
    reconnect: {first_s: 0.3, max_s: 1}
stages:
  detect: {kind: motion}
  evidence: {blur: none}
  record: {connection: shared, pre_roll_s: 1, post_roll_s: 1, reserve_mb: 1}
rules:
  - rule: line_crossed
    line: [[0.5, 0.2], [0.5, 0.9]]
"""
HEIGHT = 240
HIDDEN = 220
"""Rows from here on are black."""
LOOP = 600
"""Pictures that the camera shows over and over."""
LEFT_OUT = (Status.RATE_LIMITED, Status.CORRUPT)
"""Frames that are not recorded."""
ROUNDED_NS = 2e6
"""What a clip says of its times is rounded, and two pictures are a millisecond apart at least."""


def begin(start: Start, folder: Path, source: str) -> Running:
    (folder / "x.yml").write_text(CONFIGURATION.replace("SOURCE", source))
    out = folder / "out"
    return start(["run", str(folder / "x.yml"), "--out", str(out), "--set", "supervisor.backoff_first_s=0.1"], out)


def wait_clips(run: Running, more: int) -> None:
    count = len(notes(run, "gate")) + more
    run.wait_for(lambda: len(notes(run, "gate")) >= count, f"{count} clips")


def wait_said(run: Running, text: str) -> None:
    run.wait_for(lambda: text in run.said(), repr(text))


def shown(path: Path) -> list[tuple[float, int | None]]:
    """When a clip shows which numbered picture; what the camera's mask hides is in none of them."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            pixels = frame.to_ndarray(format="bgr24").astype(np.uint8)
            assert pixels[HIDDEN:].max() < 40 < pixels[:HIDDEN].max()
            found.append((frame.time or 0.0, read_barcode(pixels)))
    return found


def starts(run: Running) -> dict[str, dict[str, Any]]:
    told = [event for event in run.events_so_far() if event["type"] == "start" and event["rule"] == "line_crossed"]
    return {event["id"]: event for event in told}


def compare(run: Running) -> int:
    """Clips show at the time of their event what its snapshot shows; how many they are."""
    events, found = starts(run), 0
    for note in notes(run, "gate"):
        event = events.get(note["event"])
        snapshot = None if event is None else cv2.imread(str(run.out / event["evidence"]["snapshot"]))
        if event is None or snapshot is None:  # on a busy machine its slot is needed for another frame
            continue
        assert note["clock"] == "shared"
        decided_s = note["event_at_s"] + event["media_time"] - event["started"]
        clip = shown(run.out / event["evidence"]["clip"])
        time_s, number = min(clip, key=lambda each: abs(each[0] - decided_s))
        if abs(time_s - decided_s) > 0.002:
            assert note["short"], "the frame of the event is not in a clip that is said to be whole"
            continue
        of_event = read_barcode(snapshot[:HEIGHT].astype(np.uint8))
        if number is None or of_event is None:  # damaged on its way from the camera
            continue
        assert number == of_event
        found += 1
    return found


def wait_compared(run: Running, count: int) -> None:
    """Until so many clips were compared with their snapshots."""
    while compare(run) < count:
        wait_clips(run, 1)


def check_whole(run: Running, note: dict[str, Any]) -> None:
    """A clip that is said to be whole has every picture that analysis had in its time, in their order."""
    begin, end = (datetime.fromisoformat(note[name]).timestamp() * 1e9 for name in ("started", "ended"))
    frames = [record for record in records(run.out, "gate") if isinstance(record, FrameRecord)]
    walls = [record.frame.wall_ns or 0 for record in frames if record.status not in LEFT_OUT]
    assert note["frames"] == sum(begin - ROUNDED_NS <= wall <= end + ROUNDED_NS for wall in walls)
    clip = shown(run.out / "media" / "gate" / note["file"])
    numbers = [number for _, number in clip if number is not None]
    assert len(numbers) == note["frames"]
    assert {(after - before) % LOOP for before, after in pairwise(numbers)} == {1}, "pictures are missing"


@pytest.mark.slow
def test_the_frame_of_an_event_is_the_frame_of_its_clip_whoever_is_killed(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    write_clip(folder / "cam.mp4", frames=LOOP)
    with aio_rtsp_server(folder) as server:
        run = begin(start, tmp_path, f"{server.url}/cam.mp4?play_count=0")
        wait_clips(run, 1)
        run.replace("record[gate]")
        wait_clips(run, 1)
        server.kill()
        wait_said(run, "camera gate is not being recorded: rtsp://")
        server.start()
        wait_said(run, "camera gate is being recorded again")
        wait_clips(run, 1)
        run.replace("capture[gate]")
        wait_clips(run, 2)
        wait_compared(run, 2)
        run.wait_for(lambda: [note for note in notes(run, "gate") if not note["short"]], "a whole clip")
        assert run.stop() == 0, run.said()
    assert run.report()["balanced"]
    told = {note["event"]: note for note in notes(run, "gate")}
    for name, event in starts(run).items():
        assert name in told or (run.out / event["evidence"]["clip"]).with_suffix(".missing").exists()
    for note in told.values():
        if not note["short"]:
            check_whole(run, note)


@pytest.mark.slow
def test_a_recorder_that_hangs_costs_the_analysis_no_frame(start: Start, tmp_path: Path) -> None:
    run = begin(start, tmp_path, "synthetic:320x240@10")
    wait_clips(run, 1)
    run.signal("record[gate]", signal.SIGSTOP)
    before = run.frames("gate")
    run.wait_frames("gate", before + 50)
    run.signal("record[gate]", signal.SIGCONT)
    wait_clips(run, 1)
    wait_compared(run, 1)
    assert run.stop() == 0, run.said()
    report = run.report()
    assert report["balanced"]
    assert [one["stage"] for one in report["restarts"] if one["stage"].startswith("capture")] == []
