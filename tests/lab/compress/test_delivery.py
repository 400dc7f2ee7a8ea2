from pathlib import Path

import pytest

from lab.compress.delivery import deliver, size_of, workshop
from pipeline.errors import UsageError


def test_what_is_not_delivered_is_not_left_behind(tmp_path: Path) -> None:
    with workshop(tmp_path / "out") as place:
        (place / "model.xml").write_text("half")
    assert list(tmp_path.iterdir()) == []


def test_what_is_delivered_is_there_as_a_whole(tmp_path: Path) -> None:
    with workshop(tmp_path / "out") as place:
        (place / "made").mkdir()
        (place / "made" / "model.xml").write_text("whole")
        deliver(place / "made", tmp_path / "out")
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "model.xml").read_text() == "whole"


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> None:
        with workshop(tmp_path / "out") as place:
            (place / "model.xml").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match="holds something already"), workshop(tmp_path):
        pass
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_the_size_of_a_graph_is_that_of_both_files(tmp_path: Path) -> None:
    for name, size in (("model.xml", 10), ("model.bin", 100), ("metadata.yaml", 7)):
        (tmp_path / name).write_bytes(b"x" * size)
    assert size_of(tmp_path) == size_of(tmp_path / "model.xml") == 110
