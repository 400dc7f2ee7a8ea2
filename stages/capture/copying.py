"""A camera's video as it comes, compressed: what recording copies."""

import logging
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.clock import SECOND, Clock
from pipeline.errors import SourceError
from pipeline.redaction import redact
from stages.capture.address import SourceKind, kind_of
from stages.capture.options import CameraOptions
from stages.capture.pyav import open_container
from stages.capture.reasons import LATE, hung_up, no_video, stalled_opening, stalled_reading, why
from stages.capture.wall import WallClock

if TYPE_CHECKING:
    from av import Packet, VideoStream
    from av.container import InputContainer

logger = logging.getLogger(__name__)

TIMELESS = "mpjpeg"
"""Pictures over HTTP, one after the other: FFmpeg gives them the times of 25 a second, whatever comes."""
MILLISECOND = Fraction(1, 1000)
JUMP_NS = 5 * SECOND
"""A stream whose times move further than this at once is another one."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A packet and when its picture was taken."""

    packet: "Packet[VideoStream]"
    wall_ns: int
    """UTC."""
    ahead_ns: int | None
    """By the camera's own clock (RTCP sender reports), less this; None: by when it came, which is later by the way it
    took."""


def _unknown() -> None:
    """Nobody knows how far the camera's clock is ahead."""


class PacketSource:
    """Packets of one stream over a connection of its own. Raises what a ``Source`` raises."""

    def __init__(self, options: CameraOptions, clock: Clock, *, ahead_ns: Callable[[], int | None] = _unknown) -> None:
        """``ahead_ns``: by how much the camera's clock is ahead of the times that the analysis gives its frames; None
        where it does not go by that clock, and then neither do these packets."""
        self._options = options
        self._clock = clock
        self._ahead_ns = ahead_ns
        self._container: InputContainer | None = None
        self._packets: Iterator[Packet[VideoStream]] = iter(())
        self._wall = WallClock()
        self._offset_ns: int | None = None
        self._last_ns: int | None = None
        self._opened_ns = 0
        self._hinted = False

    @property
    def stream(self) -> "VideoStream":
        """What the packets are of. Raises ``SourceError`` while it is not open."""
        if self._container is None:
            raise SourceError(f"{redact(self._options.source)}: not open")
        return self._container.streams.video[0]

    def open(self) -> None:
        """Connect and find the video."""
        from av.error import FFmpegError

        self.close()
        source, began_ns = self._options.source, self._clock.monotonic_ns()
        try:
            container = open_container(self._options)
        except FFmpegError as error:
            took_s = (self._clock.monotonic_ns() - began_ns) / SECOND
            late = took_s >= LATE * self._options.open_timeout_s
            raise (stalled_opening(source, self._options.open_timeout_s) if late else why(error, source)) from None
        if not container.streams.video:
            container.close()
            raise no_video(source)
        self._container = container
        self._packets = container.demux(container.streams.video[0])
        self._wall.reset()
        self._offset_ns = self._last_ns = None
        self._opened_ns = self._clock.monotonic_ns()

    def read(self) -> Copied:
        """The next packet that has a time."""
        while True:
            packet = self._next()
            if self._is_timeless:
                self._date(packet)
            if packet.pts is not None and packet.time_base is not None and packet.size:
                origin = 0 if self._is_timeless else self.stream.start_time or 0
                return self._stamped(packet, round((packet.pts - origin) * packet.time_base * SECOND))

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        self._packets = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _next(self) -> "Packet[VideoStream]":
        from av.error import FFmpegError

        source, began_ns = self._options.source, self._clock.monotonic_ns()
        try:
            packet = next(self._packets, None)
        except FFmpegError as error:
            raise self._broken(began_ns) or why(error, source) from None
        if packet is None:
            raise self._broken(began_ns) or hung_up(source)
        return packet

    @property
    def _is_timeless(self) -> bool:
        return self._container is not None and self._container.format.name == TIMELESS

    def _date(self, packet: "Packet[VideoStream]") -> None:
        """It is of the moment it came."""
        passed_ms = (self._clock.monotonic_ns() - self._opened_ns) // 1_000_000
        packet.time_base = MILLISECOND
        packet.pts = packet.dts = passed_ms
        packet.duration = 0

    def _broken(self, began_ns: int) -> SourceError | None:
        took_s = (self._clock.monotonic_ns() - began_ns) / SECOND
        if kind_of(self._options.source) is SourceKind.PATH or took_s < LATE * self._options.read_timeout_s:
            return None
        return stalled_reading(self._options.source, self._options.read_timeout_s)

    def _hint(self) -> None:
        """The camera tells its time, and the analysis cannot read it: say so once."""
        if self._options.backend == "opencv" and not self._hinted:
            self._hinted = True
            logger.info(
                "%s sends its own clock, which OpenCV does not read: with `backend: pyav` clips and events agree "
                "to the frame",
                redact(self._options.source),
            )

    def _stamped(self, packet: "Packet[VideoStream]", media_ns: int) -> Copied:
        if self._last_ns is not None and abs(media_ns - self._last_ns) > JUMP_NS:
            raise SourceError(f"{redact(self._options.source)}: the times of the stream jumped")
        self._last_ns = media_ns
        for data in packet.iter_sidedata():
            if data.data_type == "prft":
                microseconds, _ = struct.unpack("<qi", bytes(data)[:12])
                self._offset_ns = microseconds * 1000 - media_ns
                self._hint()
        camera_ns = None if self._offset_ns is None else media_ns + self._offset_ns
        arrived_ns, now_ns = self._clock.monotonic_ns(), self._clock.wall_ns()
        wall = self._wall.follow(
            media_ns=media_ns, arrived_ns=arrived_ns, now_ns=now_ns, camera_ns=camera_ns, ahead_ns=self._ahead_ns()
        )
        return Copied(packet, wall.wall_ns, wall.ahead_ns)
