"""A live camera's recording over a connection of its own."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from stages.record.gops import Arrival
from stages.record.muxing import MP4_CODECS
from stages.record.options import RecordOptions
from stages.record.recorder import UNTIL_TOLD, Closed, Recorder
from stages.record.transcoding import Paint, Transcoder

if TYPE_CHECKING:
    from av import Packet, VideoStream


class Copied(Protocol):
    """A packet and when its picture was taken."""

    @property
    def packet(self) -> "Packet[VideoStream]":
        """As it came."""
        ...

    @property
    def wall_ns(self) -> int:
        """UTC."""
        ...

    @property
    def by_camera(self) -> bool:
        """By the camera's own clock."""
        ...


class Packets(Protocol):
    """Where packets come from. Raises ``SourceError``."""

    @property
    def stream(self) -> "VideoStream":
        """What they are of."""
        ...

    def open(self) -> None:
        """Connect."""
        ...

    def read(self) -> Copied:
        """The next one."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class LiveRecording:
    """Copies a stream into clips and segments; encodes it where something must be hidden or an MP4 cannot hold it."""

    def __init__(self, options: RecordOptions, source: Packets, *, paint: Paint | None, segments: Path) -> None:
        """``paint``: paints the camera's privacy masks; None where it has none. ``segments``: folder of what is
        recorded all the time."""
        self._options = options
        self._source = source
        self._paint = None if options.unmasked else paint
        self._segments = segments
        self._recorder: Recorder | None = None
        self._transcoder: Transcoder | None = None
        self.by_camera = False
        """Whether times are those of the camera's own clock."""

    @property
    def is_open(self) -> bool:
        """Whether packets come."""
        return self._recorder is not None

    def open(self) -> None:
        """Connect. Raises ``SourceError``."""
        self._source.open()
        stream = self._source.stream
        if self._paint is not None or stream.codec_context.name not in MP4_CODECS:
            self._transcoder = Transcoder(stream, paint=self._paint, quality=self._options.quality)
        template = stream if self._transcoder is None else self._transcoder.template
        self._recorder = Recorder(self._options, segments=self._segments, template=template)

    def step(self) -> list[Closed]:
        """Take the next packet; what is finished with it. Raises ``SourceError``, ``OSError`` where it cannot write."""
        from av.error import FFmpegError

        assert self._recorder is not None  # the caller has opened it
        copied = self._source.read()
        self.by_camera = copied.by_camera
        try:
            return [closed for arrival in self._arrivals(copied) for closed in self._recorder.take(arrival)]
        except FFmpegError as error:
            raise OSError(error.errno, error.strerror) from error

    def want(self, name: str, path: Path, *, from_ns: int, to_ns: int = UNTIL_TOLD) -> None:
        """As ``Recorder.want``; without a connection nothing is begun. Raises ``OSError``, ``TooManyClips``."""
        if self._recorder is not None:
            self._recorder.want(name, path, from_ns=from_ns, to_ns=to_ns)

    def close(self, why: str) -> list[Closed]:
        """Finish what is under way and let go of the connection."""
        closed = [] if self._recorder is None else self._recorder.interrupt(why)
        self._recorder = self._transcoder = None
        self._source.close()
        return closed

    def _arrivals(self, copied: Copied) -> Iterable[Arrival]:
        arrival = Arrival(copied.packet, copied.wall_ns)
        return [arrival] if self._transcoder is None else self._transcoder.convert(arrival)
