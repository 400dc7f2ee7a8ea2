"""Packets into an MP4 file, without decoding them."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from av import Packet, VideoStream
    from av.container import OutputContainer

GROWING = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000", "flush_packets": "1"}
"""A fragmented MP4 (ISO/IEC 14496-12, 8.8): each fragment, half a second long, is complete in itself, so that what a
killed process or a power cut leaves can be played up to its last fragment."""
WHOLE = {"movflags": "faststart"}
"""The index stands in front, so that players and browsers start at once."""
MP4_CODECS = frozenset({"h264", "hevc", "mjpeg", "mpeg4", "av1", "vp9"})
"""What an MP4 file can hold and players show."""


@contextmanager
def as_os_error() -> Iterator[None]:
    """What FFmpeg could not write, as ``OSError``: of PyAV's errors only some are."""
    from av.error import FFmpegError

    try:
        yield
    except FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


class Muxer:
    """Writes packets of one stream into one file, whose first picture is shown at 0.

    Raises ``OSError`` when the disk cannot take it.
    """

    def __init__(self, path: Path, template: "VideoStream", *, options: dict[str, str]) -> None:
        import av

        with as_os_error():
            self._container: OutputContainer = av.open(str(path), "w", format="mp4", options=options)
            self._stream: VideoStream = self._container.add_stream_from_template(template)
        self._first: int | None = None
        self._resumed_at: Fraction | None = None
        self._last_dts: int | None = None
        self.frames = 0
        """Pictures written so far."""

    def add(self, packet: "Packet[VideoStream]") -> bool:
        """Write it, and say whether it is in the file. The packet itself stays as it was.

        Left out is what has no time, and pictures shown before the first one, which need what came before it.
        """
        pts, dts, base, source, duration = packet.pts, packet.dts, packet.time_base, packet.stream, packet.duration
        if pts is None or base is None or (self._resumed_at is None and self._first is not None and pts < self._first):
            return False
        if self._first is None:
            self._first = pts
        if self._resumed_at is not None:
            self._first = pts - round(self._resumed_at / base)
            self._resumed_at = None
        decoded = (pts if dts is None and self._last_dts is None else dts or 0) - self._first
        if self._last_dts is not None:  # times of decoding that are not known, or a camera that repeats itself
            decoded = max(decoded, self._last_dts + 1)
        self._last_dts = decoded
        try:
            packet.stream, packet.pts, packet.dts = self._stream, max(pts - self._first, decoded), decoded
            with as_os_error():
                self._container.mux_one(packet)
        finally:
            packet.stream, packet.pts, packet.dts, packet.time_base = source, pts, dts, base
            packet.duration = duration
        self.frames += 1
        return True

    def go_on_at(self, at_s: Fraction) -> None:
        """What follows is of another file of the same form; its first picture is shown then, after all before."""
        self._resumed_at = at_s

    def close(self) -> None:
        """Write what is left."""
        with as_os_error():
            self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
