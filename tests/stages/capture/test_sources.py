"""Which source a camera gets, devices, and recordings in real time."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.clock import SystemClock
from pipeline.errors import SourceError, UsageError
from stages.capture.opencv import OpenCvSource
from stages.capture.options import CameraOptions
from stages.capture.sources import open_source, source_kind
from tests.servers.clips import write_clip
from tests.servers.reading import read_some, source_of


def test_each_kind_of_source_finds_its_reader(tmp_path: Path) -> None:
    kinds = {
        "rtsp://host/x": "opencv",
        "usb:0": "opencv",
        "absent.mp4": "opencv",
        str(tmp_path): "images",
        f"{tmp_path}?fps=3": "images",
        "synthetic:320x240@10": "synthetic",
    }
    assert {source: source_kind(CameraOptions(source=source)) for source in kinds} == kinds
    assert source_kind(CameraOptions(source="rtsp://host/x", backend="pyav")) == "pyav"
    assert source_kind(CameraOptions(source="rtsp://host/x", backend="mine.cameras:Mine")) == "mine.cameras:Mine"


def test_a_source_of_the_users_own_that_is_absent_is_told() -> None:
    with pytest.raises(UsageError, match=r"mine\.cameras:Mine"):
        open_source(CameraOptions(source="rtsp://host/x", backend="mine.cameras:Mine"), SystemClock())


def test_a_device_is_read_until_it_is_unplugged(tmp_path: Path) -> None:
    import cv2

    clip = write_clip(tmp_path / "clip.mp4", frames=4)
    asked: list[int] = []

    def stand_in(number: int) -> cv2.VideoCapture:
        asked.append(number)
        return cv2.VideoCapture(str(clip))

    source = OpenCvSource(CameraOptions(source="/dev/video7"), SystemClock(), opener=stand_in)
    source.open()
    reading = read_some(source, 99)
    source.close()
    source.close()
    assert asked == [7]
    assert source.live
    assert reading.barcodes == [0, 1, 2, 3]
    assert "was it unplugged" in str(reading.error)


def test_a_recording_in_real_time_keeps_its_rate(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", source="synthetic:320x240@20", frames=11)
    source = source_of(str(clip), realtime=True)
    source.open()
    began = time.monotonic()
    reading = read_some(source, 99)
    source.close()
    assert source.live
    assert source.frames == 11
    assert reading.barcodes == list(range(11))
    assert time.monotonic() - began >= 0.49


@pytest.mark.parametrize("backend", ["opencv", "pyav"])
def test_reading_before_opening_is_an_error(tmp_path: Path, backend: str) -> None:
    with pytest.raises(SourceError, match="not open"):
        source_of(str(tmp_path / "x.mp4"), backend=backend).read(None)


def test_importing_the_sources_imports_no_heavy_library() -> None:
    program = "import sys, stages.capture.sources; print({'cv2', 'av', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "set()"
