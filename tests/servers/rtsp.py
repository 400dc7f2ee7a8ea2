"""Real RTSP servers on loopback.

>>> with aio_rtsp_server(folder) as server:            # doctest: +SKIP
...     url = f"{server.url}/clip.mp4?play_count=0"    # loops for ever
>>> with gst_rtsp_server({"/cam": file_launch(clip)}, auth="digest", user="u", password="p") as server:
...     url = server.url_as("u", "p") + "/cam"         # doctest: +SKIP
"""

import functools
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

from tests.servers.process import ServerProcess, free_port

HERE = Path(__file__).resolve().parent
SYSTEM_PYTHON = "/usr/bin/python3"
_BINDINGS = "import gi; [gi.require_version(n, '1.0') for n in ('Gst', 'GstRtsp', 'GstRtspServer')]"
_PAYLOADS = {
    "h264": "h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1",
    "hevc": "h265parse ! rtph265pay name=pay0 pt=96 config-interval=-1",
    "mjpeg": "jpegparse ! rtpjpegpay name=pay0 pt=26",
}


class RtspServer(ServerProcess):
    """An RTSP server; ``url`` is ``rtsp://127.0.0.1:PORT``, to which the test adds the path."""

    def url_as(self, user: str, password: str) -> str:
        """``url`` with credentials in it."""
        return self.url.replace("rtsp://", f"rtsp://{user}:{password}@")


def aio_rtsp_server(folder: Path) -> RtspServer:
    """Serve the H.264 and H.265 mp4 files of a folder, over TCP. ``?play_count=0`` makes one loop for ever."""
    pytest.importorskip("aio_rtsp_toolkit", reason="needs aio-rtsp-toolkit[server]")
    port = free_port()
    command = [sys.executable, str(HERE / "aio_program.py"), str(folder), str(port), str(free_port())]
    return RtspServer(command, port=port, url=f"rtsp://127.0.0.1:{port}")


def gst_rtsp_server(
    mounts: Mapping[str, str],
    *,
    protocol: Literal["tcp", "udp", "both"] = "both",
    auth: Literal["basic", "digest"] | None = None,
    user: str = "",
    password: str = "",
    port: int = 0,
    shared: bool = False,
    wrong_clock: bool = False,
) -> RtspServer:
    """Serve each launch line at its path (``/cam``) with GStreamer; skips where Debian's bindings are missing.

    ``shared``: all who watch see the same picture at a time, as of a camera. ``wrong_clock``: its sender reports are
    70 years behind.
    """
    if not gstreamer_is_installed():
        pytest.skip("needs gir1.2-gst-rtsp-server-1.0 and python3-gi for /usr/bin/python3")
    port = port or free_port()
    wanted = {"port": port, "mounts": dict(mounts), "protocol": protocol, "shared": shared, "wrong_clock": wrong_clock}
    if auth is not None:
        wanted |= {"auth": auth, "user": user, "password": password}
    command = [SYSTEM_PYTHON, str(HERE / "gst_program.py"), json.dumps(wanted)]
    return RtspServer(command, port=port, url=f"rtsp://127.0.0.1:{port}")


def file_launch(clip: Path, codec: Literal["h264", "hevc", "mjpeg"] = "h264") -> str:
    """A launch line that plays an mp4 (or mov) file once, in real time, without encoding it again."""
    return f"( filesrc location={clip} ! qtdemux ! {_PAYLOADS[codec]} )"


def live_launch(width: int = 320, height: int = 240, rate: int = 10) -> str:
    """A launch line of an endless live H.264 test picture."""
    return (
        f"( videotestsrc is-live=true ! video/x-raw,width={width},height={height},framerate={rate}/1,format=I420 "
        f"! x264enc tune=zerolatency sliced-threads=false speed-preset=ultrafast key-int-max={rate} "
        f"! video/x-h264,profile=baseline ! {_PAYLOADS['h264']} )"
    )


@functools.cache
def gstreamer_is_installed() -> bool:
    """Whether gst-rtsp-server runs here."""
    try:
        return subprocess.run([SYSTEM_PYTHON, "-c", _BINDINGS], capture_output=True, timeout=60).returncode == 0
    except OSError:
        return False
