"""The test pattern is what it says, and its faults happen where they were asked for."""

import time

import numpy as np
import pytest

from pipeline.clock import SystemClock
from pipeline.errors import SourceEnded, SourceError, SourceStalled
from stages.capture.options import CameraOptions
from stages.capture.pattern import Pattern, read_barcode
from stages.capture.synthetic import SyntheticSource
from tests.servers.reading import read_some, source_of


def synthetic(source: str, read_timeout_s: float = 5.0) -> SyntheticSource:
    return SyntheticSource(CameraOptions(source=source, read_timeout_s=read_timeout_s), SystemClock())


@pytest.mark.parametrize("size", ["112x48", "320x240", "641x363", "1920x1080"])
def test_the_barcode_says_the_frame_number(size: str) -> None:
    pattern = Pattern.parse(f"synthetic:{size}@10")
    for number in (0, 1, 2, 63, 4095, 2**20 - 1):
        assert read_barcode(pattern.draw(number)) == number


def test_a_picture_without_barcode_has_none() -> None:
    for value in (0, 100, 255):
        assert read_barcode(np.full((240, 320, 3), value, np.uint8)) is None


def test_the_boxes_are_where_the_pattern_says_they_are() -> None:
    pattern = Pattern.parse("synthetic:320x240@10?boxes=3")
    still = Pattern.parse("synthetic:320x240@10?boxes=0")
    for number in (0, 7, 500):
        differs = (pattern.draw(number) != still.draw(number)).any(axis=2)
        told = np.zeros_like(differs)
        for left, top, right, bottom in pattern.boxes_at(number):
            assert 0 <= left < right <= 320
            assert 0 <= top < bottom <= 240
            told[top:bottom, left:right] = True
        assert np.array_equal(differs, told)


def test_boxes_move() -> None:
    pattern = Pattern.parse("synthetic:320x240@10")
    assert pattern.boxes_at(0) != pattern.boxes_at(1)


def test_equal_sources_give_equal_frames_in_the_canvas() -> None:
    source = synthetic("synthetic:320x240@10?frames=3")
    source.open()
    canvas = np.zeros((240, 320, 3), np.uint8)
    first = source.read(canvas)
    assert np.shares_memory(first.pixels, canvas)
    assert np.array_equal(first.pixels, Pattern.parse("synthetic:320x240@10").draw(0))


def test_faults_happen_at_their_frames() -> None:
    source = synthetic("synthetic:320x240@10?frames=9&freeze=2-3&black=4&corrupt=5,6&gap=7:2.5&size=8:640x480")
    source.open()
    reading = read_some(source, 99)
    assert reading.barcodes == [0, 1, 1, 1, None, 5, 6, 7, 8]
    assert [grab.corrupt for grab in reading.grabs] == [False] * 5 + [True, True, False, False]
    assert [(pts or 0) // 10**8 for pts in reading.pts_ns] == [0, 1, 2, 3, 4, 5, 6, 32, 33]
    assert reading.grabs[8].pixels.shape == (480, 640, 3)
    assert isinstance(reading.error, SourceEnded)


def test_a_stall_longer_than_the_read_timeout_is_raised_after_it() -> None:
    source = synthetic("synthetic:320x240@10?stall=1:60&fail=2", read_timeout_s=0.05)
    source.open()
    source.read(None)
    with pytest.raises(SourceStalled, match="frame 1"):
        source.read(None)
    with pytest.raises(SourceError, match="frame 2"):
        source.read(None)


def test_a_live_pattern_keeps_its_rate_and_a_recording_does_not() -> None:
    lasted = {}
    for recording in ("yes", "no"):
        source = source_of(f"synthetic:320x240@20?frames=11&recording={recording}")
        source.open()
        began = time.monotonic()
        assert len(read_some(source, 99).grabs) == 11
        lasted[recording] = time.monotonic() - began
    assert lasted["no"] >= 0.49
    assert lasted["yes"] < lasted["no"]


@pytest.mark.parametrize(
    "wrong",
    [
        "6x4@1",
        "320x240",
        "320x240@0",
        *(f"320x240@10?{query}" for query in ("colour=1", "size=4:huge", "stall=3", "x")),
    ],
)
def test_a_malformed_pattern_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"'synthetic:"):
        Pattern.parse(f"synthetic:{wrong}")
