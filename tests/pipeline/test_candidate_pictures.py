"""Candidates of best pictures in shared memory: kept while they are named, taken over, never more than fit."""

import os
from collections import namedtuple
from pathlib import Path

import pytest

from pipeline.candidate_pictures import PATIENCE, CandidatePictures


def kept(folder: Path, *indexes: int) -> CandidatePictures:
    pictures = CandidatePictures(folder / "candidates")
    for index in indexes:
        assert pictures.keep(("gate", index), b"picture %d" % index)
    return pictures


def name(pictures: CandidatePictures, *indexes: int, times: int = 1, needed: tuple[tuple[str, int], ...] = ()) -> None:
    for _ in range(times):
        pictures.named("gate", indexes, lambda: needed)


def test_what_is_not_named_for_long_goes(tmp_path: Path) -> None:
    pictures = kept(tmp_path, 1, 2, 3)
    name(pictures, 2, times=PATIENCE)
    assert ("gate", 1) in pictures, "an older list may come from an alert process that was restarted"
    name(pictures, 1, 2)
    name(pictures, 2, times=PATIENCE)
    assert [index for index in (1, 2, 3) if ("gate", index) in pictures] == [1, 2]
    assert pictures.get(("gate", 2)) == b"picture 2"
    assert pictures.get(("gate", 3)) is None
    assert [path.name for path in (tmp_path / "candidates" / "gate").iterdir()] != []


def test_what_an_event_that_is_over_needs_stays(tmp_path: Path) -> None:
    pictures = kept(tmp_path, 1, 2)
    name(pictures, times=2 * PATIENCE, needed=(("gate", 1),))
    assert pictures.get(("gate", 1)) == b"picture 1"
    assert pictures.get(("gate", 2)) is None
    name(pictures)
    assert not list((tmp_path / "candidates" / "gate").iterdir())


def test_lists_of_one_camera_say_nothing_of_another(tmp_path: Path) -> None:
    pictures = kept(tmp_path, 1)
    for _ in range(2 * PATIENCE):
        pictures.named("yard", [], set)
    assert ("gate", 1) in pictures


def test_another_process_takes_over_what_is_there(tmp_path: Path) -> None:
    kept(tmp_path, 4, 5)
    pictures = CandidatePictures(tmp_path / "candidates")
    assert pictures.get(("gate", 5)) == b"picture 5"
    name(pictures, 5, times=PATIENCE + 1)
    assert ("gate", 4) not in pictures


def test_only_their_owner_can_read_them(tmp_path: Path) -> None:
    kept(tmp_path, 1)
    folder = tmp_path / "candidates"
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "gate" / "1.jpg").stat().st_mode & 0o077 == 0


def test_as_much_memory_stays_free_as_they_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = kept(tmp_path)
    space = namedtuple("space", "f_bavail f_frsize")
    monkeypatch.setattr(os, "statvfs", lambda _: space(100, 1))
    assert pictures.keep(("gate", 1), bytes(50))
    monkeypatch.setattr(os, "statvfs", lambda _: space(50, 1))
    assert not pictures.keep(("gate", 2), bytes(1))
    assert ("gate", 2) not in pictures
