from pathlib import Path

import pytest

from pipeline.camera_clock import CameraClock
from pipeline.stage import CameraTime


@pytest.mark.parametrize(
    "told",
    [
        CameraTime(0, 0),
        CameraTime(-2_208_988_800_000_000_000, -2_208_988_800_000_000_000),
        CameraTime(None, 3_599_960_000_000),
        CameraTime(),
    ],
)
def test_what_capture_says_is_what_its_recorder_hears(tmp_path: Path, told: CameraTime) -> None:
    capture, recorder = CameraClock(tmp_path / "clock.json"), CameraClock(tmp_path / "clock.json")
    assert recorder.time() == CameraTime()
    capture.tell(CameraTime(17, 17))
    assert recorder.ahead_ns() == 17
    capture.tell(told)
    assert recorder.time() == told
    assert recorder.ahead_ns() == told.ahead_ns


def test_a_capture_that_is_started_again_finds_what_the_one_before_it_said(tmp_path: Path) -> None:
    CameraClock(tmp_path / "clock.json").tell(CameraTime(None, 42))
    after = CameraClock(tmp_path / "clock.json")
    assert after.time() == CameraTime(None, 42)
    after.tell(CameraTime(43, 43))
    assert CameraClock(tmp_path / "clock.json").ahead_ns() == 43


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"ahead_ns": "soon"}'])
def test_what_cannot_be_read_is_not_known(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clock.json"
    path.write_bytes(content)
    assert CameraClock(path).time() == CameraTime()


def test_where_nothing_can_be_written_the_camera_goes_on_and_it_is_told_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "gone"
    camera_clock = CameraClock(folder / "clock.json")
    for _ in range(3):
        camera_clock.tell(CameraTime(5, 5))
    assert len(caplog.messages) == 1
    assert "is not told of the camera's clock: No such file or directory" in caplog.messages[0]
    folder.mkdir()
    camera_clock.tell(CameraTime(5, 5))
    assert CameraClock(folder / "clock.json").ahead_ns() == 5
