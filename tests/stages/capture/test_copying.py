import time
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


def test_pictures_over_http_are_of_the_moment_they_come_and_go_into_several_clips(tmp_path: Path) -> None:
    """FFmpeg dates them 25 a second, whatever comes: clips of 10 a second would run fast."""
    write_jpegs(tmp_path / "yard", (np.full((48, 64, 3), level, np.uint8) for level in range(0, 200, 10)))
    with mjpeg_server(tmp_path, rate=10) as server:
        source = PacketSource(CameraOptions(source=f"{server.url}/yard"), SystemClock())
        source.open()
        began_ns = time.time_ns()
        recorder = Recorder(RecordOptions(), segments=tmp_path, template=source.stream)
        for name in ("a", "b", "c"):
            recorder.want(name, tmp_path / f"{name}.mp4", from_ns=began_ns)
        for _ in range(18):
            copied = source.read()
            recorder.take(Arrival(copied.packet, copied.wall_ns))
        recorder.interrupt()
        source.close()
    for name in ("a", "b", "c"):
        [part] = tmp_path.glob(f"{name}.*.part.mp4")
        with av.open(str(part)) as container:
            shown = [frame.time or 0.0 for frame in container.decode(video=0)]
        assert len(shown) >= 16
        assert shown[-1] / (len(shown) - 1) == pytest.approx(0.1, abs=0.02)
    assert copied.wall_ns - began_ns == pytest.approx(1.7 * SECOND, abs=0.6 * SECOND)


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
