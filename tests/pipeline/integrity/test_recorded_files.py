"""What is recorded all the time is found as it comes, at a cost that does not grow with what is there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.clock import SECOND, ManualClock
from pipeline.integrity.recorded_files import EVERYTHING_NS, RecordedFiles

LONG_AGO_NS = 10**18


@pytest.fixture
def clock(tmp_path: Path) -> ManualClock:
    return ManualClock(wall_ns=LONG_AGO_NS + 3600 * SECOND)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings" / "gate"
    folder.mkdir(parents=True)
    return folder


def recorded(folder: Path, name: str, at_ns: int = LONG_AGO_NS) -> str:
    """A segment that was finished then."""
    (folder / name).write_bytes(b"video")
    os.utime(folder, ns=(at_ns, at_ns))
    return f"recordings/{folder.name}/{name}"


def taken(files: RecordedFiles, known: set[str]) -> list[str]:
    found = []
    for name in files.fresh(known):
        known.add(name)
        found.append(name)
    return found


def test_each_file_is_found_once_and_none_that_is_being_written(gate: Path, tmp_path: Path, clock: ManualClock) -> None:
    files, known = RecordedFiles(tmp_path, "recordings", clock), set[str]()
    first = recorded(gate, "1000.mp4")
    recorded(gate, "1001.1001.part.mp4")
    recorded(gate, "1001.new.mp4")
    assert taken(files, known) == [first]
    assert taken(files, known) == []
    second = recorded(gate, "1001.mp4", LONG_AGO_NS + 1)
    yard = gate.parent / "yard"
    yard.mkdir()
    third = recorded(yard, "7.mp4")
    os.utime(gate.parent, ns=(LONG_AGO_NS + 1, LONG_AGO_NS + 1))
    assert taken(files, known) == [second, third]


def test_a_file_that_is_finished_late_has_an_older_name_and_is_found(
    gate: Path, tmp_path: Path, clock: ManualClock
) -> None:
    files, known = RecordedFiles(tmp_path, "recordings", clock), set[str]()
    recorded(gate, "2000.mp4")
    assert len(taken(files, known)) == 1
    assert taken(files, known) == []
    late = recorded(gate, "1000.mp4", LONG_AGO_NS + 1)
    assert taken(files, known) == [late]


def test_what_comes_within_a_tick_of_a_look_is_found(gate: Path, tmp_path: Path, clock: ManualClock) -> None:
    files, known = RecordedFiles(tmp_path, "recordings", clock), set[str]()
    just_now = clock.wall_ns() - SECOND
    recorded(gate, "1000.mp4", just_now)
    assert len(taken(files, known)) == 1
    second = recorded(gate, "1001.mp4", just_now)
    assert taken(files, known) == [second], "the time of the folder is what it was"


def test_where_folders_do_not_say_when_they_changed_everything_is_looked_at_now_and_then(
    gate: Path, tmp_path: Path, clock: ManualClock
) -> None:
    files, known = RecordedFiles(tmp_path, "recordings", clock), set[str]()
    recorded(gate, "1000.mp4")
    assert len(taken(files, known)) == 1
    second = recorded(gate, "1001.mp4")
    assert taken(files, known) == []
    clock.advance(EVERYTHING_NS)
    assert taken(files, known) == [second]


def test_whoever_breaks_off_gets_the_rest_again(gate: Path, tmp_path: Path, clock: ManualClock) -> None:
    files = RecordedFiles(tmp_path, "recordings", clock)
    names = [recorded(gate, f"{n}.mp4") for n in (1000, 1001, 1002)]
    assert next(files.fresh(())) == names[0]
    assert taken(files, {names[0]}) == names[1:]


def test_a_folder_in_which_nothing_changes_is_not_read_again(gate: Path, tmp_path: Path) -> None:
    recorded(gate, "1000.mp4")
    program = """
import sys
from pathlib import Path
from pipeline.clock import SystemClock
from pipeline.integrity.recorded_files import RecordedFiles
read = []
sys.addaudithook(lambda name, arguments: read.append(str(arguments[0])) if name == "os.scandir" else None)
files, known = RecordedFiles(Path(sys.argv[1]), "recordings", SystemClock()), {"recordings/gate/1000.mp4"}
assert not list(files.fresh(known))
before = sum("gate" in each for each in read)
assert not list(files.fresh(known))
print(before, sum("gate" in each for each in read))
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["1", "1"]
