"""One process at a time has a file or a folder, until it closes it or dies."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.file_lock import lock, locked_folder

HOLDER = """
import sys
from pathlib import Path
from pipeline.file_lock import locked_folder
with locked_folder(Path(sys.argv[1])) as is_ours:
    print(is_ours, flush=True)
    sys.stdin.read()
"""


@contextmanager
def another(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that tries to have the folder."""
    asked = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_folder_is_had_by_one_process_until_that_dies(tmp_path: Path) -> None:
    with another(tmp_path) as process:
        assert said(process) == "True"
        with locked_folder(tmp_path) as is_ours:
            assert not is_ours
        process.kill()
        process.wait(10)
        with locked_folder(tmp_path) as is_ours:
            assert is_ours


def test_a_folder_is_free_again_behind_its_block(tmp_path: Path) -> None:
    with locked_folder(tmp_path) as is_ours:
        assert is_ours
        with another(tmp_path) as process:
            assert said(process) == "False"
    with another(tmp_path) as process:
        assert said(process) == "True"


def test_a_file_is_locked_as_long_as_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as first, path.open("ab") as second:
        assert lock(first)
        assert lock(first.fileno()), "it is ours already"
        assert not lock(second)
        first.close()
        assert lock(second)


def test_a_folder_that_is_not_there_cannot_be_had(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked_folder(tmp_path / "none"):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError), locked_folder(tmp_path / "file"):
        pass
