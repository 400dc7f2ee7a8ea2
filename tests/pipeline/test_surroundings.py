"""Who else was in a frame: as the log and the spool have it, whatever was asked before."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.detections import Detections, Tracks
from pipeline.journal.log import LogWriter
from pipeline.messages import EngineRecord, Frame, FrameRecord, LogHeader, Status
from pipeline.spool import Spool
from pipeline.stage import Seen, TrackedFrame
from pipeline.surroundings import Surroundings

FRAMES = 300


def box(index: int, side: float) -> list[float]:
    return [float(index), 10.0, index + side, 60.0]


def detected(index: int) -> Detections:
    return Detections(np.array([box(index, 20)], np.float32), np.array([0.3], np.float32), np.array([1], np.int32))


def tracked(index: int) -> TrackedFrame:
    ids = np.array([7], np.int32)
    tracks = Tracks(
        *(np.array([box(index, 30)], np.float32), np.array([0.5], np.float32), np.array([0], np.int32), ids),
        *(np.array([True]), np.array([0.5], np.float32)),
    )
    return TrackedFrame(index, index * 1000, tracks)


@pytest.fixture
def surroundings(tmp_path: Path) -> Iterator[Surroundings]:
    log = LogWriter.open(tmp_path / "gate.log", LogHeader(3, "gate", False, "a", "s"))
    log.append(EngineRecord("e", {}, ["person", "head"]))
    for index in range(FRAMES):
        log.append(FrameRecord(Frame("gate", 0, index, index * 1000), Status.ANALYSED, detected(index).pack()))
    log.close()
    spool = Spool(tmp_path / "gate.spool", 0)
    spool.append([tracked(index) for index in range(FRAMES)])
    spool.close()
    found = Surroundings(tmp_path / "gate.log", tmp_path / "gate.spool")
    yield found
    found.close()


@pytest.mark.parametrize("asked", [[0], [FRAMES - 1], [250, 3, 64, 63, 128, 250], list(range(0, FRAMES, 37))])
def test_a_frame_shows_the_same_whatever_was_asked_before(surroundings: Surroundings, asked: list[int]) -> None:
    for index in asked:
        around = surroundings.at(index)
        assert around is not None
        assert around.names == ("person", "head")
        assert around.seen == (
            Seen("head", 0, (index, 10.0, index + 20.0, 60.0)),
            Seen("person", 7, (index, 10.0, index + 30.0, 60.0)),
        )


def test_of_a_frame_that_is_not_there_nothing_is_known(surroundings: Surroundings, tmp_path: Path) -> None:
    assert surroundings.at(FRAMES) is None
    assert surroundings.at(0) is not None
    empty = Surroundings(tmp_path / "none.log", tmp_path / "none.spool")
    assert empty.at(0) is None
