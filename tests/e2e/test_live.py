"""Live cameras on real RTSP servers: killed, frozen, restarted, with a wrong password, and overloaded."""

import shutil
import signal
import socket
from itertools import pairwise, product
from pathlib import Path

import pytest

from pipeline.journal.log import LogReader
from pipeline.messages import FrameRecord, Record, StreamRecord
from tests.e2e.conftest import Start
from tests.e2e.running import Running
from tests.servers.rtsp import aio_rtsp_server, gst_rtsp_server, gstreamer_is_installed, live_launch

QUICK = [
    *("--set", "supervisor.liveness_s=2", "--set", "supervisor.backoff_first_s=0.1"),
    *("--set", "supervisor.drain_timeout_s=10"),
]


def camera_options(camera: str, *, open_timeout_s: float = 20) -> list[str]:
    """Faults show soon, and a server that is slow to answer is none."""
    opening = f"open_timeout_s={open_timeout_s:g}"
    values = (opening, "read_timeout_s=2.5", "reconnect.first_s=0.3", "reconnect.max_s=1")
    return [part for value in values for part in ("--set", f"cameras.{camera}.{value}")]


def watch(start: Start, url: str, out: Path, *options: str) -> Running:
    """``bartizan watch`` on one address on loopback."""
    return start(["watch", url, "--out", str(out), *QUICK, *camera_options("127_0_0_1"), *options], out)


def records(out: Path, camera: str) -> list[Record]:
    reader, found = LogReader(out / "logs" / f"{camera}.log"), []
    try:
        while batch := reader.read(4096):
            found += [record for record, _ in batch]
    finally:
        reader.close()
    return found


def states(out: Path, camera: str) -> list[bool]:
    """Online or not, change by change."""
    return [record.online for record in records(out, camera) if isinstance(record, StreamRecord)]


def wait_state(run: Running, *, online: bool) -> None:
    """Until the log says so last. On a busy machine a camera may have been away in between for no fault of its own."""
    run.wait_for(
        lambda: states(run.out, "127_0_0_1")[-1:] == [online], "the camera to be online" if online else "it to be away"
    )


def wait_refusal(run: Running) -> None:
    run.wait_for(lambda: any(word in run.output.read_text() for word in ("401", "password")), "the refusal")


def finish(run: Running) -> None:
    """Stop as a user does; the books must balance and time must rise."""
    assert run.stop() == 0, run.said()
    report = run.report()
    assert report["balanced"], report["imbalances"]
    media = [r.frame.media_ns for r in records(run.out, "127_0_0_1") if isinstance(r, FrameRecord)]
    assert media == sorted(set(media))


@pytest.fixture
def camera_files(root: Path, tmp_path: Path) -> Path:
    """A folder for the RTSP server with the sample recording in it."""
    folder = tmp_path / "media"
    folder.mkdir()
    shutil.copy(root / "sample_videos" / "campus.mp4", folder)
    return folder


@pytest.mark.slow
def test_alerts_of_a_live_stream_appear_on_the_terminal(start: Start, camera_files: Path, tmp_path: Path) -> None:
    with aio_rtsp_server(camera_files) as server:
        run = watch(start, f"{server.url}/campus.mp4?play_count=0", tmp_path / "out")
        run.wait_for(lambda: "in_field" in run.output.read_text(), "an alert on the terminal")
        assert {"capture[127_0_0_1]", "dispatch", "detect[0]", "alert", "deliver"} <= set(run.children())
        finish(run)
    assert any(event["type"] == "start" and event["wall_time"] for event in run.events())
    assert any((run.out / "media").glob("*.jpg"))


@pytest.mark.slow
def test_a_killed_frozen_and_restarted_camera_comes_back(start: Start, camera_files: Path, tmp_path: Path) -> None:
    with aio_rtsp_server(camera_files) as server:
        run = watch(start, f"{server.url}/campus.mp4?play_count=0", tmp_path / "out")
        wait_state(run, online=True)
        server.kill()
        wait_state(run, online=False)
        server.start()
        wait_state(run, online=True)
        server.freeze()
        wait_state(run, online=False)
        server.resume()
        wait_state(run, online=True)
        finish(run)
    said = states(run.out, "127_0_0_1")
    assert all(before != after for before, after in pairwise(said)), "a change is said once"


@pytest.mark.slow
def test_a_killed_and_a_frozen_process_of_a_live_run_are_replaced(
    start: Start, camera_files: Path, tmp_path: Path
) -> None:
    labels = ["capture[127_0_0_1]", "dispatch", "detect[0]", "alert", "deliver"]
    with aio_rtsp_server(camera_files) as server:
        run = watch(start, f"{server.url}/campus.mp4?play_count=0", tmp_path / "out")
        run.wait_frames("127_0_0_1", 10)
        for label, number in product(labels, (signal.SIGKILL, signal.SIGSTOP)):
            run.replace(label, number)
            before = run.frames("127_0_0_1")
            run.wait_frames("127_0_0_1", before + 10)
        finish(run)
        restarts = [each for each in run.report()["restarts"] if "from outside" in each["reason"]]
        assert [each["stage"] for each in restarts] == [label for label in labels for _ in range(2)]


@pytest.mark.slow
def test_a_wrong_password_is_said_and_the_right_one_works(start: Start, tmp_path: Path) -> None:
    if not gstreamer_is_installed():
        pytest.skip("needs gst-rtsp-server (Debian: gir1.2-gst-rtsp-server-1.0)")
    mounts = {"/cam": live_launch()}
    with gst_rtsp_server(mounts, auth="digest", user="viewer", password="correct") as server:
        wrong = watch(start, f"{server.url_as('viewer', 'guessed')}/cam", tmp_path / "wrong")
        wait_refusal(wrong)
        assert "guessed" not in wrong.output.read_text()
        wrong.stop()
        right = watch(start, f"{server.url_as('viewer', 'correct')}/cam", tmp_path / "right")
        right.wait_frames("127_0_0_1", 10)
        finish(right)
        assert "correct" not in right.output.read_text()


@pytest.mark.slow
def test_a_camera_whose_password_changes_is_offline_until_it_changes_back(start: Start, tmp_path: Path) -> None:
    with gst_rtsp_server({"/cam": live_launch()}, auth="basic", user="viewer", password="correct") as server:
        run = watch(start, f"{server.url_as('viewer', 'correct')}/cam", tmp_path / "out")
        wait_state(run, online=True)
        server.kill()
        changed = gst_rtsp_server(
            {"/cam": live_launch()}, auth="basic", user="viewer", password="changed", port=server.port
        )
        with changed:
            wait_state(run, online=False)
            wait_refusal(run)
        server.start()
        wait_state(run, online=True)
        finish(run)


@pytest.mark.slow
def test_a_camera_that_is_not_there_does_not_hold_up_the_others(
    start: Start, camera_files: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, aio_rtsp_server(camera_files) as server:
        absent = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/none"
        there = f"{server.url}/campus.mp4?play_count=0"
        out = tmp_path / "out"
        options = [*QUICK, *camera_options("127_0_0_1-2", open_timeout_s=3)]
        run = start(["watch", there, absent, "--out", str(out), *options], out)
        run.wait_frames("127_0_0_1", 20)
        run.wait_for(lambda: states(out, "127_0_0_1-2") == [False], "the absent camera to be reported")
        finish(run)
