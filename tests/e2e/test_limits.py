"""At the limits: no room, no right to write, more frames than anybody can analyse, and ends of every kind."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from pipeline.observability.status_file import read_status
from tests.e2e.conftest import Start
from tests.e2e.faulty import DETECTOR, SOURCE, write_clip
from tests.e2e.running import Running, bartizan, run_to_end

CAMERA = "synthetic_320x240_20_boxes_1"
LIVE = "synthetic:320x240@20?boxes=1"
SHARED_MEMORY = Path("/dev/shm")
SMALL = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"'


def watch(start: Start, folder: Path, *values: str) -> Running:
    """A live test pattern at 20 frames a second, and a detector that is too slow for it."""
    options = [word for value in (f"stages.detect.kind={DETECTOR}", *values) for word in ("--set", value)]
    sockets = folder / "s"
    sockets.mkdir()
    env = {"XDG_RUNTIME_DIR": str(sockets)}
    return start(["watch", LIVE, "--out", str(folder / "out"), *options], folder / "out", env=env)


def directories_of(run: Running, root: Path) -> list[Path]:
    """The directories under ``root`` that this run has claimed."""
    owner = str(run.command.pid)
    return [path.parent for path in root.glob("bartizan-*/owner") if path.read_text().strip() == owner]


def size_of(folder: Path) -> int:
    """Bytes of all rings; what pictures wait beside them has a limit of its own."""
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def memory_of(run: Running) -> int:
    """Resident bytes of the processes that have frames, shared ones left out."""
    infos = [run.child(label).memory_info() for label in (f"capture[{CAMERA}]", "dispatch", "detect[0]", "evidence")]
    return sum(info.rss - info.shared for info in infos)


def may_mount() -> bool:
    """Whether this user can have a /dev/shm of its own."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-m", "sh", "-c", SMALL, "sh", "true"], capture_output=True).returncode == 0


def test_full_shared_memory_is_said_clearly_and_fails_one_camera_only(tmp_path: Path) -> None:
    if not may_mount():
        pytest.skip("needs the right to mount a small /dev/shm (unshare -m)")
    sources = [f"synthetic:{size}@10?frames=30&boxes=1&recording=yes" for size in ("640x480", "112x96")]
    run = run_to_end(
        ["process", *sources, "--out", str(tmp_path / "out"), "--set", f"stages.detect.kind={DETECTOR}"],
        tmp_path / "out",
        code=1,
        prefix=["unshare", "-m", "sh", "-c", SMALL, "sh"],
    )
    large, small = run.report()["sources"]
    assert small["ended"] == "eof"
    assert "/dev/shm" in large["ended"]
    assert "needs 14.1 MiB" in large["ended"]
    assert "enlarge it (docker: --shm-size)" in large["ended"]
    assert run.report()["restarts"] == []
    assert "SIGBUS" not in run.said()
    assert "Traceback" not in run.said()


@pytest.mark.parametrize("out", ["/dev/null/results", "/proc/results", "/proc/sys"])
@pytest.mark.parametrize("how", ["process", "run"])
def test_an_output_folder_that_cannot_be_made_is_one_clear_line(out: str, how: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.pattern")
    config = tmp_path / "one.yml"
    config.write_text(f"cameras: {{clip: {{source: clip.pattern, backend: '{SOURCE}'}}}}\n")
    done = bartizan(how, clip if how == "process" else config, "--out", out, code=2)
    assert len(done.stderr.splitlines()) == 1
    assert out in done.stderr


@pytest.mark.slow
def test_an_overloaded_live_camera_loses_frames_by_the_book_and_stays_prompt(start: Start, tmp_path: Path) -> None:
    began = time.monotonic()
    run = watch(start, tmp_path, "stages.detect.delay_s=0.25")
    run.wait_frames(CAMERA, 20)
    run.wait_for(lambda: any(run.out.glob("media/*.jpg")), "the first picture of an event")
    (rings,) = directories_of(run, SHARED_MEMORY)
    memory, ring_bytes = memory_of(run), size_of(rings)
    run.wait_frames(CAMERA, run.frames(CAMERA) + 60)
    assert size_of(rings) == ring_bytes
    assert memory_of(run) < memory + 20 * 2**20
    lasted_s = time.monotonic() - began
    run.command.send_signal(signal.SIGTERM)
    assert run.wait() == 0, run.said()
    ended_s = time.monotonic() - began - lasted_s
    report = run.report()
    assert report["balanced"], report["imbalances"]
    assert report["restarts"] == []
    book = next(book for book in report["books"] if book["stage"] == "dispatch")
    lost = book["dropped"].get("superseded", 0) + book["dropped"].get("stale", 0)
    assert lost > 0, "four frames a second at most are analysed, of twenty"
    assert book["out"] > 5
    # Were they kept, the last would be as old as most of the run, and what is left take longer than all of it.
    assert report["latency_ms"]["p99"] < lasted_s * 1000 / 4
    assert ended_s < lasted_s
    assert report["sources"][0]["ended"] == "stopped"
    assert not list((tmp_path / "s").iterdir())
    assert not rings.exists()


def test_a_second_interrupt_ends_a_run_at_once(start: Start, tmp_path: Path) -> None:
    slow = ["stages.detect.delay_s=100", "stages.dispatch.lease_s=100", f"stages.detect.begun={tmp_path / 'begun'}"]
    run = watch(start, tmp_path, *slow, "supervisor.liveness_s=100", "supervisor.drain_timeout_s=100")
    run.wait_for((tmp_path / "begun").exists, "a frame that is being analysed")
    (rings,) = directories_of(run, SHARED_MEMORY)
    children = list(run.children().values())
    run.command.send_signal(signal.SIGINT)
    run.wait_for(lambda: "draining" in {each.state for each in read_status(run.out).processes}, "the end to begin")
    with pytest.raises(subprocess.TimeoutExpired):
        run.command.wait(1)  # it waits for the frame that is being analysed
    run.command.send_signal(signal.SIGINT)
    assert run.wait() == 130, "it ended as after the first one"
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    assert not list((tmp_path / "s").iterdir())
    assert not rings.exists()
    assert run.report()["balanced"]


@pytest.mark.slow
def test_an_interrupted_recording_says_so_and_what_a_killed_run_left_is_swept(start: Start, tmp_path: Path) -> None:
    sockets = tmp_path / "s"
    sockets.mkdir()
    env = {"XDG_RUNTIME_DIR": str(sockets)}
    clip = write_clip(tmp_path / "clip.pattern", frames=100)
    values = [f"cameras.clip.backend={SOURCE}", f"stages.detect.kind={DETECTOR}"]
    options = [word for value in values for word in ("--set", value)]
    command = ["process", str(clip), "--out", str(tmp_path / "out"), *options]
    slowly = [*command, "--set", "stages.detect.delay_s=0.2"]
    interrupted = start(slowly, tmp_path / "out", env=env)
    interrupted.wait_frames("clip", 2)
    assert interrupted.stop() == 130
    assert "camera clip: stopped before its end; run again to go on" in interrupted.said()
    assert interrupted.report()["balanced"]
    assert not list(sockets.iterdir())
    reached = interrupted.frames("clip")
    assert reached < 100
    killed = start(slowly, tmp_path / "out", env=env)
    killed.wait_frames("clip", reached + 2)
    left = directories_of(killed, SHARED_MEMORY) + directories_of(killed, sockets)
    assert len(left) == 2
    assert all(path.stat().st_mode & 0o777 == 0o700 for path in left)
    killed.kill()
    assert all(path.exists() for path in left)
    following = run_to_end(command, tmp_path / "out", env=env)
    assert not any(path.exists() for path in left)
    assert following.frames("clip") == 100
