"""Frames through PyAV, FFmpeg's libraries in Python: typed errors, flags of damage, and the camera's own clock."""

import errno
import logging
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.clock import SECOND, Clock
from pipeline.errors import SourceError
from pipeline.redaction import redact
from pipeline.stage import Grab, Picture
from stages.capture.address import SourceKind, device_number, kind_of, path_of
from stages.capture.devices import require_device
from stages.capture.ending import ended
from stages.capture.ffmpeg import rtsp_options
from stages.capture.options import CameraOptions
from stages.capture.presentation import PresentationTimes
from stages.capture.reasons import LATE, hung_up, no_file, no_video, stalled_opening, stalled_reading, why

if TYPE_CHECKING:
    from av import Packet, VideoFrame, VideoStream
    from av.container import InputContainer
    from av.error import FFmpegError

logger = logging.getLogger(__name__)

_FULL_RANGE = 2
"""AVCOL_RANGE_JPEG."""


def open_container(options: CameraOptions) -> "InputContainer":
    """Open the source of ``options`` with its timeouts. Raises ``av.error.FFmpegError``."""
    import av

    source = options.source
    match kind_of(source):
        case SourceKind.PATH:
            return av.open(path_of(source))
        case SourceKind.USB:
            return av.open(require_device(device_number(source)), format="v4l2")
        case SourceKind.RTSP:
            wanted = rtsp_options(options.transport)
        case _:
            wanted = {}
    return av.open(source, options=wanted, timeout=(options.open_timeout_s, options.read_timeout_s))


class PyAvSource:
    """Fulfils ``Source`` for streams, devices (Linux) and video files."""

    Options = CameraOptions

    def __init__(self, options: CameraOptions, clock: Clock) -> None:
        import cv2

        self._cv: Any = cv2
        self.live = options.live
        self.frames: int | None = None
        self._options = options
        self._clock = clock
        self._kind = kind_of(options.source)
        self._container: InputContainer | None = None
        self._pictures: Iterator[VideoFrame] = iter(())
        self._decoded = self._damaged = 0
        self._began_ns = 0
        self._times = PresentationTimes(recording=self._kind is SourceKind.PATH, rate=0)
        self._wall_offset_ns: int | None = None

    def open(self) -> None:
        """Connect and find the video stream."""
        from av.error import FFmpegError

        self.close()
        self._decoded = self._damaged = 0
        self._wall_offset_ns = self.frames = None
        source, timeout_s = self._options.source, self._options.open_timeout_s
        if self._kind is SourceKind.PATH and not Path(path_of(source)).is_file():
            raise no_file(source)
        self._began_ns = self._clock.monotonic_ns()
        try:
            container = open_container(self._options)
        except FFmpegError as error:
            late = self._kind is not SourceKind.PATH and self._since_s() >= LATE * timeout_s
            raise (stalled_opening(source, timeout_s) if late else why(error, source)) from None
        if not container.streams.video:
            container.close()
            raise no_video(source)
        self._container = container
        stream = container.streams.video[0]
        stream.thread_type = "AUTO" if self._kind is SourceKind.PATH else "NONE"
        self.frames = stream.frames or None
        rate = float(stream.average_rate or 0)
        self._times = PresentationTimes(recording=self._kind is SourceKind.PATH, rate=rate)
        self._pictures = self._decode(container, stream)

    def read(self, canvas: Picture | None) -> Grab:
        """Decode the next picture into ``canvas`` where its shape fits."""
        from av.error import FFmpegError

        self._began_ns = self._clock.monotonic_ns()
        frame: VideoFrame | None = None
        reason: FFmpegError | None = None
        try:
            frame = next(self._pictures, None)
        except FFmpegError as error:
            reason = error
        if self._late():
            raise stalled_reading(self._options.source, self._options.read_timeout_s)
        if frame is None or self._container is None:
            raise self._over(reason)
        self._decoded += 1
        pts_ns = self._presented(frame, self._container)
        wall_ns = None if pts_ns is None or self._wall_offset_ns is None else pts_ns + self._wall_offset_ns
        return Grab(self._picture(frame, canvas), pts_ns, wall_ns, key_frame=frame.key_frame, corrupt=frame.is_corrupt)

    def close(self) -> None:
        """Close the container."""
        self._pictures = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _since_s(self) -> float:
        return (self._clock.monotonic_ns() - self._began_ns) / SECOND

    def _late(self) -> bool:
        return self._kind is not SourceKind.PATH and self._since_s() >= LATE * self._options.read_timeout_s

    def _decode(self, container: "InputContainer", stream: "VideoStream") -> "Iterator[VideoFrame]":
        from av.error import InvalidDataError

        for packet in container.demux(stream):
            self._note_wall(packet)
            try:
                yield from packet.decode()
            except InvalidDataError:
                self._note_damage()
            if self._late():
                return

    def _note_damage(self) -> None:
        self._damaged += 1
        if self._damaged == 1:
            logger.warning("%s: a packet that cannot be decoded was left out", redact(self._options.source))

    def _note_wall(self, packet: "Packet[VideoStream]") -> None:
        """The camera's clock, which FFmpeg attaches to packets after the first RTCP sender report."""
        if packet.pts is None or packet.time_base is None:
            return
        for data in packet.iter_sidedata():
            if data.data_type == "prft":
                microseconds, _ = struct.unpack("<qi", bytes(data)[:12])
                self._wall_offset_ns = microseconds * 1000 - self._relative_ns(packet.pts, packet.stream)

    def _relative_ns(self, pts: int, stream: "VideoStream") -> int:
        ticks = (pts - (stream.start_time or 0)) * SECOND
        return round(ticks * stream.time_base) if stream.time_base is not None else 0

    def _presented(self, frame: "VideoFrame", container: "InputContainer") -> int | None:
        """MJPEG over HTTP has no times: FFmpeg makes some up from a rate it guessed."""
        made_up = self._kind is SourceKind.HTTP and container.format.name == "mpjpeg"
        unknown = made_up or frame.pts is None
        return self._times.next(None if unknown else self._relative_ns(frame.pts or 0, container.streams.video[0]))

    def _over(self, reason: "FFmpegError | None") -> SourceError:
        from av.error import EOFError

        source = self._options.source
        if self._container is None:
            return SourceError(f"{redact(source)}: not open")
        if self._kind is not SourceKind.PATH:
            if reason is None or isinstance(reason, EOFError) or reason.errno == errno.EIO:
                return hung_up(source)
            return why(reason, source)
        if not self._decoded:
            return no_video(source)
        rate = self._container.streams.video[0].average_rate
        return ended(source, self._decoded, self.frames, self._times.last_ns, float(rate or 0))

    def _picture(self, frame: "VideoFrame", canvas: Picture | None) -> Picture:
        """BGR. The common planar format goes through OpenCV, at 60 % of the cost of FFmpeg's own conversion."""
        turned = frame.rotation % 360
        even = frame.width % 2 == 0 and frame.height % 2 == 0
        if frame.format.name == "yuv420p" and frame.color_range != _FULL_RANGE and even:
            fits = canvas is not None and not turned and canvas.shape == (frame.height, frame.width, 3)
            pixels = self._cv.cvtColor(frame.to_ndarray(), self._cv.COLOR_YUV2BGR_I420, dst=canvas if fits else None)
            return self._turn(pixels, turned)
        pixels = self._turn(frame.to_ndarray(format="bgr24"), turned)
        if canvas is None or canvas.shape != pixels.shape:
            return pixels
        canvas[:] = pixels
        return canvas

    def _turn(self, pixels: Any, degrees: int) -> Picture:
        """Upright, as OpenCV turns it: FFmpeg's rotation is counter-clockwise."""
        cv = self._cv
        codes = {90: cv.ROTATE_90_COUNTERCLOCKWISE, 180: cv.ROTATE_180, 270: cv.ROTATE_90_CLOCKWISE}
        turned: Picture = cv.rotate(pixels, codes[degrees]) if degrees in codes else pixels
        return turned
