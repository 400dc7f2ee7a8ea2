import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import CannotStart
from stages.detect.checkpoint import load_checkpoint
from stages.detect.export_cache import PARTS, exported

CONVERT = "import sys; from pathlib import Path; from stages.detect.export_cache import exported; "
CONVERT += "print(exported(Path(sys.argv[1]), head='one_to_many'))"


def convert(weights: Path, cache: Path, root: Path) -> "subprocess.Popen[str]":
    environment = os.environ | {"BARTIZAN_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CONVERT, str(weights)]
    return subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True)


def shelf(cache: Path) -> list[str]:
    return sorted(entry.name for entry in (cache / "openvino").iterdir() if entry.suffix != ".lock")


def test_a_killed_conversion_leaves_nothing_and_two_at_once_make_one(yolo11: Path, tmp_path: Path, root: Path) -> None:
    killed = convert(yolo11, tmp_path, root)
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("openvino/*.partial/model.pt")):
        assert time.monotonic() < deadline
        assert killed.poll() is None
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert all(name.endswith(".partial") for name in shelf(tmp_path))

    pair = [convert(yolo11, tmp_path, root) for _ in range(2)]
    entries = {process.communicate(timeout=240)[0].strip() for process in pair}
    assert [process.returncode for process in pair] == [0, 0]
    (entry,) = (Path(name) for name in entries)
    assert shelf(tmp_path) == [entry.name]
    assert sorted(path.name for path in entry.iterdir()) == sorted(PARTS)


def test_a_conversion_is_found_again_and_leaves_the_weights_folder_alone(yolo11: Path) -> None:
    entry = exported(yolo11, head="one_to_many")
    made = (entry / "model.xml").stat().st_mtime_ns
    assert exported(yolo11, head="one_to_many") == entry
    assert (entry / "model.xml").stat().st_mtime_ns == made
    assert [path.name for path in yolo11.parent.iterdir()] == [yolo11.name]


def test_heads_and_weights_have_entries_of_their_own(yolo11: Path, yolo26: Path) -> None:
    entries = {exported(yolo26, head="one_to_many"), exported(yolo26, head="one_to_one")}
    assert len(entries | {exported(yolo11, head="one_to_many")}) == 3


class _Evil:
    """Leaves a file behind when unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self._path,)  # type: ignore[return-value]


def test_a_pickle_with_code_in_it_is_refused_and_not_run(tmp_path: Path) -> None:
    import torch

    trace = tmp_path / "was here"
    torch.save({"model": _Evil(trace)}, tmp_path / "evil.pt")
    with pytest.raises(CannotStart, match=r"evil\.pt are not an ultralytics checkpoint that can be trusted"):
        load_checkpoint(tmp_path / "evil.pt")
    assert not trace.exists()
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(_Evil(trace)))
    with pytest.raises(CannotStart, match=r"bare\.pt"):
        load_checkpoint(tmp_path / "bare.pt")
    assert not trace.exists()


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"PK\x03\x04 torn"])
def test_damaged_weights_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "damaged.pt"
    file.write_bytes(content)
    with pytest.raises(CannotStart, match=r"damaged\.pt") as refused:
        exported(file, head="one_to_many")
    assert "\n" not in str(refused.value)
    assert shelf(Path(os.environ["BARTIZAN_CACHE"])) == [
        n for n in shelf(Path(os.environ["BARTIZAN_CACHE"])) if "." not in n
    ]


def test_weights_for_another_task_are_refused(ultralytics: Any, tmp_path: Path) -> None:
    ultralytics.YOLO("yolo11n-cls.yaml", task="classify").save(str(tmp_path / "classes.pt"))
    with pytest.raises(CannotStart, match="for the task 'classify'"):
        load_checkpoint(tmp_path / "classes.pt")


def test_a_cache_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch, yolo11: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BARTIZAN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(CannotStart, match="set BARTIZAN_CACHE"):
        exported(yolo11, head="one_to_many")
