"""``status.json`` says how each camera and process stands, about once a second, while the run lasts."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.clock import SECOND, ManualClock
from pipeline.control import Backlog, CameraConsumed, CameraProgress
from pipeline.errors import UsageError
from pipeline.observability.status_file import INTERVAL_NS, StatusFile, read_status, status_of
from pipeline.process import Process, Role
from pipeline.restarts import RestartLimits
from pipeline.supervisor.status import Status
from tests.full_disk import fill


def camera(*, frames: int = 0, ended: bool = False, online: bool = True, media_ns: int = 0) -> CameraProgress:
    return CameraProgress(
        next_index=frames,
        frames_read=frames,
        pending=0,
        pending_offers=0,
        ended=ended,
        online=online,
        media_ns=media_ns,
        counts={"analysed": frames},
    )


def process(stage: str = "detect") -> Process:
    return Process(Role(stage, "0"), RestartLimits())


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield child
        child.kill()


def state_of(progress: CameraProgress, *, given_up: bool = False) -> str:
    status = Status(cameras={"gate": progress}, given_up={"gate": "gone"} if given_up else {})
    return status_of(status, [], now_ns=0, pid=1).cameras[0].state


def test_a_camera_is_online_offline_ended_or_given_up() -> None:
    assert state_of(camera()) == "online"
    assert state_of(camera(online=False)) == "offline"
    assert state_of(camera(ended=True)) == "ended"
    assert state_of(camera(ended=True), given_up=True) == "given up"


def test_a_camera_that_went_offline_before_its_end_is_not_waited_for_any_more() -> None:
    assert state_of(camera(ended=True, online=False)) == "ended"
    assert state_of(camera(ended=True, online=False), given_up=True) == "given up"


def test_frames_in_the_log_that_alert_has_not_taken_are_behind() -> None:
    status = Status(cameras={"gate": camera(frames=50, media_ns=2 * SECOND)})
    assert status_of(status, [], now_ns=0, pid=1).cameras[0].behind == 50
    status.consumed["gate"] = CameraConsumed(48, {"analysed": 48}, ended=False, events=3)
    told = status_of(status, [], now_ns=0, pid=1).cameras[0]
    assert (told.behind, told.events, told.media_s) == (2, 3, 2.0)


def test_a_camera_before_its_first_frame_is_at_no_negative_time() -> None:
    assert status_of(Status(cameras={"gate": camera(media_ns=-1)}), [], now_ns=0, pid=1).cameras[0].media_s == 0.0


def test_a_process_is_starting_running_draining_waiting_or_done(sleeper: "subprocess.Popen[bytes]") -> None:
    def state(one: Process) -> str:
        return status_of(Status(), [one], now_ns=0, pid=1).processes[0].state

    one = process()
    assert state(one) == "waiting"
    one.child = sleeper
    assert state(one) == "starting"
    one.started = True
    assert state(one) == "running"
    one.draining = True
    assert state(one) == "draining"
    one.child, one.finished = None, True
    assert state(one) == "done"


def test_a_process_tells_pid_age_and_restarts(sleeper: "subprocess.Popen[bytes]") -> None:
    one = process()
    one.child, one.launches, one.launched_ns = sleeper, 3, 4 * SECOND
    told = status_of(Status(), [one], now_ns=10 * SECOND, pid=1).processes[0]
    assert (told.label, told.pid, told.restarts, told.uptime_s) == ("detect[0]", sleeper.pid, 2, 6.0)


def test_the_file_is_read_back_as_it_was_meant(tmp_path: Path) -> None:
    status = Status(cameras={"gate": camera(frames=7)}, backlogs={"deliver": Backlog(4, 1, 0)}, refused={"foreign": 2})
    status.latency_ms.add(100.0)
    clock = ManualClock(monotonic_ns=3 * SECOND)
    StatusFile(tmp_path / "status.json", clock, os.getpid())(status, [process()])
    assert read_status(tmp_path, clock) == status_of(status, [process()], now_ns=3 * SECOND, pid=os.getpid())
    assert read_status(tmp_path, clock).latency_ms["p50"] == pytest.approx(100.0, rel=0.01)


def test_the_file_is_written_again_only_after_a_second(tmp_path: Path) -> None:
    clock, status = ManualClock(), Status(cameras={"gate": camera(frames=1)})
    write = StatusFile(tmp_path / "status.json", clock, 1)
    write(status, [])
    status.cameras["gate"] = camera(frames=2)
    clock.advance(INTERVAL_NS - 1)
    write(status, [])
    assert read_status(tmp_path, clock).cameras[0].frames == 1
    clock.advance(1)
    write(status, [])
    assert read_status(tmp_path, clock).cameras[0].frames == 2


def test_after_the_run_there_is_no_file_and_the_reader_is_told_so(tmp_path: Path) -> None:
    write = StatusFile(tmp_path / "status.json", ManualClock(), 1)
    write(Status(), [])
    write.remove()
    write.remove()
    with pytest.raises(UsageError, match=f"no pipeline is running with --out {tmp_path}"):
        read_status(tmp_path, ManualClock())


@pytest.mark.parametrize("now_s", [60, 3])
def test_what_a_killed_run_left_is_not_taken_for_a_running_one(tmp_path: Path, now_s: int) -> None:
    """Also after the machine was started anew, when the clock begins again."""
    StatusFile(tmp_path / "status.json", ManualClock(monotonic_ns=30 * SECOND), 1)(Status(), [])
    with pytest.raises(UsageError, match="was left by one that was killed or hangs"):
        read_status(tmp_path, ManualClock(monotonic_ns=now_s * SECOND))


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text('{"status": "fine"}')
    with pytest.raises(UsageError, match=r"status\.json cannot be read: .*missing required field"):
        read_status(tmp_path, ManualClock())


def test_a_full_disk_does_not_end_the_run_and_is_said_once(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, clock = small_disk / "status.json", ManualClock()
    file, ballast = StatusFile(path, clock, os.getpid()), fill(small_disk)
    for _ in range(3):
        file(Status(), [])
        clock.advance(INTERVAL_NS)
    assert [each.message for each in caplog.records] == [f"{path} cannot be written: No space left on device"]
    ballast.unlink()
    file(Status(), [])
    assert read_status(small_disk, clock).pid == os.getpid()
