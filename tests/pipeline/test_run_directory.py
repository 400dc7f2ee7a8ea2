"""A run directory is swept when, and only when, its owner is dead."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from pipeline.run_directory import PREFIX, claim, sweep

CLAIM_AND_WAIT = """
import sys
from pathlib import Path
from pipeline.run_directory import claim
path = claim(Path(sys.argv[1]))
(path / "gate.ring").write_bytes(b"pixels")
print(path, flush=True)
sys.stdin.read()
"""


def start_owner(root: Path, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", CLAIM_AND_WAIT, str(folder)]
    return subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_what_a_killed_run_left_is_swept_and_what_a_living_one_uses_is_not(root: Path, tmp_path: Path) -> None:
    with start_owner(root, tmp_path) as dead, start_owner(root, tmp_path) as alive:
        assert dead.stdout is not None
        assert alive.stdout is not None
        left, used = (Path(owner.stdout.readline().strip()) for owner in (dead, alive) if owner.stdout)
        assert sweep(tmp_path) == []
        os.kill(dead.pid, signal.SIGKILL)
        dead.wait()
        assert sweep(tmp_path) == [left]
        assert not left.exists()
        assert (used / "gate.ring").exists()
        assert (used / "owner").read_text().split() == [str(alive.pid)]
        os.kill(alive.pid, signal.SIGSTOP)
        assert sweep(tmp_path) == [], "a frozen owner is alive"
        os.kill(alive.pid, signal.SIGKILL)


def test_a_claimed_directory_is_private_and_fresh(tmp_path: Path) -> None:
    first, second = claim(tmp_path), claim(tmp_path)
    assert first != second
    assert first.stat().st_mode & 0o777 == 0o700
    assert sweep(tmp_path) == []


def test_what_is_not_a_run_directory_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "bartizan-notes").write_text("keep me")
    (tmp_path / "bartizan-link").symlink_to(tmp_path / "holiday")
    assert sweep(tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 3


def test_sweeping_where_there_is_nothing_does_nothing(tmp_path: Path) -> None:
    assert sweep(tmp_path / "nowhere") == []


def test_a_folder_that_only_has_the_name_is_left_alone(tmp_path: Path) -> None:
    for name in ("bartizan-data", f"{PREFIX}mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "footage.mp4").write_bytes(b"precious")
    assert sweep(tmp_path) == []
    assert (tmp_path / f"{PREFIX}mine" / "footage.mp4").exists()
