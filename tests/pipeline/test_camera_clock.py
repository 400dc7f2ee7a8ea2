from pathlib import Path

import pytest

from pipeline.camera_clock import CameraClock


@pytest.mark.parametrize("ahead_ns", [0, -2_208_988_800_000_000_000, 3_599_960_000_000, None])
def test_what_capture_says_is_what_its_recorder_hears(tmp_path: Path, ahead_ns: int | None) -> None:
    capture, recorder = CameraClock(tmp_path / "clock.json"), CameraClock(tmp_path / "clock.json")
    assert recorder.ahead_ns() is None
    capture.tell(17)
    assert recorder.ahead_ns() == 17
    capture.tell(ahead_ns)
    assert recorder.ahead_ns() == ahead_ns


def test_a_capture_that_is_started_again_finds_what_the_one_before_it_said(tmp_path: Path) -> None:
    CameraClock(tmp_path / "clock.json").tell(42)
    after = CameraClock(tmp_path / "clock.json")
    assert after.ahead_ns() == 42
    after.tell(43)
    assert CameraClock(tmp_path / "clock.json").ahead_ns() == 43


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"ahead_ns": "soon"}'])
def test_what_cannot_be_read_is_not_known(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clock.json"
    path.write_bytes(content)
    assert CameraClock(path).ahead_ns() is None


def test_where_nothing_can_be_written_the_camera_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    camera_clock = CameraClock(tmp_path / "gone" / "clock.json")
    for _ in range(3):
        camera_clock.tell(5)
    assert len(caplog.messages) == 1
    assert "is not told of the camera's clock: No such file or directory" in caplog.messages[0]
