"""Best pictures of live cameras from a real RTSP server: there when events end, whatever was killed in between."""

import shutil
import signal
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.e2e.conftest import Start
from tests.e2e.running import Running, bartizan
from tests.e2e.test_live import watch
from tests.servers.rtsp import aio_rtsp_server


def shown(run: Running) -> list[dict[str, Any]]:
    """Ends of events whose best picture is there."""
    ends = [event for event in run.events_so_far() if "best" in event["evidence"]]
    return [event for event in ends if (run.out / event["evidence"]["best"]).is_file()]


def wait_shown(run: Running, more: int) -> None:
    before = len(shown(run))
    run.wait_for(lambda: len(shown(run)) >= before + more, f"{more} more best pictures")


@pytest.mark.slow
def test_events_of_a_live_camera_have_best_pictures_though_processes_are_killed(
    start: Start, root: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    shutil.copy(root / "sample_videos" / "campus.mp4", folder)
    with aio_rtsp_server(folder) as server:
        run = watch(start, f"{server.url}/campus.mp4?play_count=0", tmp_path / "out")
        wait_shown(run, 2)
        run.signal("evidence", signal.SIGKILL)
        wait_shown(run, 3)
        run.signal("alert", signal.SIGKILL)
        wait_shown(run, 3)
        assert run.stop() == 0, run.said()
    ends = [event for event in run.events() if event["type"] == "end"]
    assert all(event["best"] and {"best", "crop"} <= event["evidence"].keys() for event in ends if event["object"])
    for event in shown(run):
        picture, crop = (cv2.imread(str(run.out / event["evidence"][name])) for name in ("best", "crop"))
        assert picture is not None
        assert crop is not None
        left, top, right, bottom = event["best"][0]["box_px"]
        assert crop.shape[1] < picture.shape[1] == 768
        assert right > left
        assert bottom > top
    for event in ends:
        for name in ("best", "crop"):
            path = run.out / event["evidence"][name]
            assert path.is_file() or path.with_suffix(".missing").read_text().startswith("evidence_missing: ")
    bartizan("verify", run.out)
    bartizan("replay", run.out, "--check")
