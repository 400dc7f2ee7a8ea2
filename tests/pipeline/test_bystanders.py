"""Who else was in a frame is told for each camera, and where it cannot be told an event is not lost for it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.bystanders import Bystanders
from pipeline.configuration.defaults import default_config
from pipeline.detections import Detections, Tracks
from pipeline.journal.log import LogWriter
from pipeline.messages import EngineRecord, Frame, FrameRecord, LogHeader, Status
from pipeline.spec import RunSpec
from pipeline.spool import Spool
from pipeline.stage import TrackedFrame

CAMERAS = ("gate", "yard")
FRAMES = 10


def box(left: float) -> Detections:
    return Detections(np.array([[left, 1, 9, 9]], np.float32), np.array([0.5], np.float32), np.array([0], np.int32))


@pytest.fixture
def spec(tmp_path: Path) -> RunSpec:
    """A run of two cameras, with one object in each frame."""
    folder = str(tmp_path)
    spec = RunSpec(
        config=default_config(["synthetic:112x96@10"]).to_spec(),
        out=folder,
        run_dir=folder,
        ring_dir=folder,
        endpoint=f"ipc://{folder}/none",
        analysis_sha256="a",
        cameras=list(CAMERAS),
    )
    for left, camera in enumerate(CAMERAS, 1):
        spec.log_path(camera).parent.mkdir(parents=True, exist_ok=True)
        log = LogWriter.open(spec.log_path(camera), LogHeader(3, camera, False, "a", "s"))
        log.append(EngineRecord("e", {}, ["person"]))
        for index in range(FRAMES):
            log.append(FrameRecord(Frame(camera, 0, index, index), Status.ANALYSED, box(left).pack()))
        log.close()
        spec.spool_path(camera).parent.mkdir(parents=True, exist_ok=True)
        spool = Spool(spec.spool_path(camera), 0)
        spool.append([TrackedFrame(index, index, Tracks.empty()) for index in range(FRAMES)])
        spool.close()
    return spec


@pytest.fixture
def bystanders(spec: RunSpec) -> Iterator[Bystanders]:
    found = Bystanders(spec)
    yield found
    found.close()


def test_each_camera_has_its_own_people(bystanders: Bystanders) -> None:
    for left, camera in enumerate(CAMERAS, 1):
        around = bystanders.at(camera, 0, event="e1")
        assert around is not None
        assert [each.box_px[0] for each in around.seen] == [left]


def test_of_a_frame_that_nobody_wrote_of_nothing_is_told(bystanders: Bystanders) -> None:
    assert bystanders.at("gate", FRAMES, event="e1") is None


def test_a_log_that_is_damaged_is_a_warning_that_names_camera_and_event_and_the_other_camera_is_told_of(
    spec: RunSpec, bystanders: Bystanders, caplog: pytest.LogCaptureFixture
) -> None:
    path = spec.log_path("gate")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF  # others follow
    path.write_bytes(content)
    assert bystanders.at("gate", FRAMES - 1, event="e7") is None
    assert "camera gate: event e7: who else is there cannot be told" in caplog.text
    assert bystanders.at("yard", 0, event="e8") is not None
