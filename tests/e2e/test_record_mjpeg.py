"""Clips of a camera that sends MJPEG over RTSP: every picture at its time, as it came."""

from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from stages.capture.pattern import read_barcode
from tests.e2e.conftest import Start
from tests.e2e.test_live import QUICK, camera_options
from tests.e2e.test_record import RECORD, wait_whole
from tests.servers.clips import write_clip
from tests.servers.rtsp import file_launch, gst_rtsp_server

CAMERA = "127_0_0_1"
RATE, HEIGHT = 10, 240
LINES = [word for x in (0.3, 0.5, 0.7) for word in ("--rule", f"line_crossed:name=at_{x},line=[[{x},0.2],[{x},0.9]]")]
PLAIN = ["--set", "stages.evidence.blur=none"]
"""So that the number can be read in a snapshot."""


def shown(path: Path) -> list[tuple[float, int | None]]:
    """When a clip shows which numbered picture."""
    with av.open(str(path)) as container:
        pictures = [(frame.time or 0.0, frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]
    return [(time, read_barcode(pixels.astype(np.uint8))) for time, pixels in pictures]


@pytest.mark.slow
def test_clips_of_mjpeg_over_rtsp_have_every_picture_at_its_time(start: Start, tmp_path: Path) -> None:
    film = write_clip(tmp_path / "film.mov", frames=600, codec="mjpeg")
    options = [*QUICK, *camera_options(CAMERA), *RECORD, *LINES, *PLAIN, "--set", f"cameras.{CAMERA}.backend=pyav"]
    with gst_rtsp_server({"/yard": file_launch(film, "mjpeg")}, shared=True) as server:
        run = start(["watch", f"{server.url}/yard", "--out", str(tmp_path / "out"), *options], tmp_path / "out")
        clips = wait_whole(run, CAMERA, 2)
        assert run.stop() == 0, run.said()
    events = {event["id"]: event for event in run.events() if event["type"] == "start"}
    for note in clips:
        event = events[note["event"]]
        pictures = shown(run.out / event["evidence"]["clip"])
        assert note["codec"] == "mjpeg"
        assert len(pictures) == note["frames"]
        numbers = [number for _, number in pictures if number is not None]
        assert numbers == list(range(numbers[0], numbers[0] + note["frames"]))
        assert [after - before for (before, _), (after, _) in pairwise(pictures)] == pytest.approx(
            [1 / RATE] * (len(pictures) - 1), abs=0.002
        )
        snapshot = cv2.imread(str(run.out / event["evidence"]["snapshot"]))
        assert snapshot is not None
        decided_s = note["event_at_s"] + event["media_time"] - event["started"]
        of_event = read_barcode(snapshot[:HEIGHT].astype(np.uint8))
        assert of_event is not None
        assert of_event - numbers[0] == pytest.approx(decided_s * RATE, abs=1), "the clip is early or late"
