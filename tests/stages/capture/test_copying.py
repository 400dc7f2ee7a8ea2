import logging
import time
from datetime import datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.clock import SECOND, SystemClock
from pipeline.errors import SourceError
from stages.capture.copying import PacketSource
from stages.capture.options import CameraOptions
from stages.record.gops import Arrival
from stages.record.options import RecordOptions
from stages.record.recorder import Recorder
from tests.servers.mjpeg import mjpeg_server, write_jpegs
from tests.servers.rtsp import gst_rtsp_server, live_launch

PACKETS = 150
"""At ten a second: sender reports come every few seconds."""
ROUNDED_NS = SECOND // 1000
"""Between two clocks that are read one after the other."""


def test_pictures_over_http_are_of_the_moment_they_come_and_go_into_several_clips(tmp_path: Path) -> None:
    """FFmpeg dates them 25 a second, whatever comes: clips of 10 a second would run fast."""
    write_jpegs(tmp_path / "yard", (np.full((48, 64, 3), level, np.uint8) for level in range(0, 200, 10)))
    with mjpeg_server(tmp_path, rate=10) as server:
        source = PacketSource(CameraOptions(source=f"{server.url}/yard"), SystemClock())
        source.open()
        began_ns = before_ns = time.time_ns()
        recorder = Recorder(RecordOptions(), segments=tmp_path, template=source.stream)
        for name in ("a", "b", "c"):
            recorder.want(name, tmp_path / f"{name}.mp4", from_ns=began_ns)
        came_s: list[float] = []
        for _ in range(18):
            copied = source.read()
            assert before_ns - ROUNDED_NS <= copied.wall_ns <= (before_ns := time.time_ns()) + ROUNDED_NS
            came_s.append(copied.wall_ns / SECOND)
            recorder.take(Arrival(copied.packet, copied.wall_ns))
        recorder.interrupt()
        source.close()
    for name in ("a", "b", "c"):
        [part] = tmp_path.glob(f"{name}.*.part.mp4")
        with av.open(str(part)) as container:
            shown = [frame.time or 0.0 for frame in container.decode(video=0)]
        first = len(came_s) - len(shown)
        assert first <= 2
        assert shown == pytest.approx([each - came_s[first] for each in came_s[first:]], abs=0.002)


def test_packets_go_by_the_cameras_clock_as_soon_as_it_is_told() -> None:
    ahead_ns = -(datetime(1970, 1, 1) - datetime(1900, 1, 1)) // timedelta(microseconds=1) * 1000
    with gst_rtsp_server({"/yard": live_launch()}, wrong_clock=True) as server:
        options = CameraOptions(source=f"{server.url}/yard", backend="pyav")
        source = PacketSource(options, SystemClock(), ahead_ns=lambda: ahead_ns)
        source.open()
        copied = next(each for each in (source.read() for _ in range(PACKETS)) if each.ahead_ns is not None)
        source.close()
    assert copied.ahead_ns == ahead_ns
    assert abs(copied.wall_ns - time.time_ns()) < 5 * SECOND


def test_where_the_analysis_cannot_read_the_cameras_clock_packets_do_not_go_by_it_and_the_log_says_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with gst_rtsp_server({"/yard": live_launch()}) as server:
        source = PacketSource(CameraOptions(source=f"{server.url}/yard"), SystemClock())
        source.open()
        copied = [next(each for each in (source.read() for _ in range(PACKETS)) if caplog.messages)]
        copied += [source.read() for _ in range(3)]
        source.close()
    assert [each.ahead_ns for each in copied] == [None] * 4
    assert len(caplog.messages) == 1
    assert "/yard sends its own clock, which OpenCV does not read: with `backend: pyav`" in caplog.messages[0]


def test_a_camera_that_hangs_up_is_named(tmp_path: Path) -> None:
    write_jpegs(tmp_path / "yard", [np.zeros((48, 64, 3), np.uint8)] * 3)
    with mjpeg_server(tmp_path, rate=50) as server:
        source = PacketSource(CameraOptions(source=f"{server.url}/yard"), SystemClock())
        source.open()
        for _ in range(3):
            source.read()
        with pytest.raises(SourceError, match="/yard"):
            source.read()
        source.close()
