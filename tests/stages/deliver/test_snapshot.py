"""The picture that goes along with a message: the snapshot of a start, the best one of an end."""

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.messages import Event
from pipeline.store.sample_event import sample_event
from stages.deliver.snapshot import picture_of, snapshot

BEST = {"best": "best.jpg", "crop": "best.crop.jpg"}


def end(wall_time: str | None) -> Event:
    return sample_event(type="end", evidence=BEST, wall_time=wall_time)


def now() -> str:
    return datetime.now(UTC).isoformat()


def test_an_end_goes_with_its_best_picture_a_start_with_its_snapshot() -> None:
    assert picture_of(end(None)) == "best.jpg"
    assert picture_of(sample_event(evidence={"snapshot": "start.jpg"})) == "start.jpg"
    assert picture_of(sample_event(evidence={"clip": "a.mp4"})) is None


def test_the_best_picture_of_a_live_camera_is_waited_for(tmp_path: Path) -> None:
    later = threading.Timer(0.2, (tmp_path / "best.jpg").touch)
    later.start()
    assert snapshot(tmp_path, end(now()), 10.0) == tmp_path / "best.jpg"
    later.join()


@pytest.mark.parametrize("wall_time", [None, "2026-01-01T12:00:00Z", "2099-01-01T12:00:00Z", "noon"])
def test_that_of_a_recording_is_not_which_comes_when_all_is_over(tmp_path: Path, wall_time: str | None) -> None:
    began = time.monotonic()
    assert snapshot(tmp_path, end(wall_time), 10.0) is None
    assert time.monotonic() - began < 5
    (tmp_path / "best.jpg").touch()
    assert snapshot(tmp_path, end(wall_time), 10.0) == tmp_path / "best.jpg"


def test_a_picture_of_which_it_is_known_that_there_is_none_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "best.missing").touch()
    began = time.monotonic()
    assert snapshot(tmp_path, end(now()), 10.0) is None
    assert time.monotonic() - began < 5
