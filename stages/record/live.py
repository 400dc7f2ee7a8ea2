"""A live camera's recording over a connection of its own."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.clock import SECOND
from stages.record.clip import UNTIL_TOLD, Closed, finish
from stages.record.gops import Arrival
from stages.record.muxing import MP4_CODECS
from stages.record.options import RecordOptions
from stages.record.parts import drop_others, drop_parts, recover
from stages.record.recorder import Recorder
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
    def ahead_ns(self) -> int | None:
        """How much the camera's own clock, by which it goes, is ahead of it; None: it does not go by that."""
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

    def read(self) -> Copied | None:
        """The next one; None: none yet."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class Times(Protocol):
    """What is known of a stream whose frames are those of the analysis."""

    def at(self, media_ns: int) -> int | None:
        """UTC in ns of a media time, if it is known."""
        ...

    def lost(self, from_ns: int, to_ns: int) -> int:
        """Frames between two times that were lost on the way."""
        ...


class LiveRecording:
    """Copies a stream into clips and segments; encodes it where something must be hidden or an MP4 cannot hold it."""

    def __init__(
        self,
        options: RecordOptions,
        source: Packets,
        *,
        paint: Paint | None,
        segments: Path,
        times: Times | None = None,
    ) -> None:
        """``paint``: paints the camera's privacy masks; None where it has none. ``segments``: folder of what is
        recorded all the time. ``times``: of a shared connection."""
        self._options = options
        self._source = source
        self._paint = None if options.unmasked else paint
        self._segments = segments
        self._recorder: Recorder | None = None
        self._transcoder: Transcoder | None = None
        self._times = times
        self._ahead_ns: int | None = None

    @property
    def clock(self) -> str:
        """Whose times these are: ``shared`` with the analysis, of the ``camera`` itself, or of ``arrival``."""
        if self._times is not None:
            return "shared"
        return "arrival" if self._ahead_ns is None else "camera"

    @property
    def clock_facts(self) -> dict[str, Any]:
        """What is said of it beside a clip."""
        told: dict[str, Any] = {"clock": self.clock}
        if self._ahead_ns is not None:
            told["camera_ahead_s"] = round(self._ahead_ns / SECOND, 3)
        return told

    def at(self, media_ns: int) -> int | None:
        """UTC in ns of a media time of the analysis, where the connection is shared and remembers it."""
        return None if self._times is None else self._times.at(media_ns)

    @property
    def is_open(self) -> bool:
        """Whether packets come."""
        return self._recorder is not None

    def open(self) -> None:
        """Connect, and finish segments that were left in parts. Raises ``SourceError``, ``OSError``."""
        recover(self._segments)
        self._source.open()
        stream = self._source.stream
        if self._paint is not None or stream.codec_context.codec.canonical_name not in MP4_CODECS:
            self._transcoder = Transcoder(stream, paint=self._paint, quality=self._options.quality)
        template = stream if self._transcoder is None else self._transcoder.template
        self._recorder = Recorder(self._options, segments=self._segments, template=template)

    def step(self) -> list[Closed]:
        """Take the next packet; what is finished with it. Raises ``SourceError``, ``OSError`` where it cannot write."""
        from av.error import FFmpegError

        assert self._recorder is not None  # the caller has opened it
        copied = self._source.read()
        if copied is None:
            return []
        self._ahead_ns = copied.ahead_ns
        try:
            return [self._told(closed) for arrival in self._arrivals(copied) for closed in self._recorder.take(arrival)]
        except FFmpegError as error:
            raise OSError(error.errno, error.strerror) from error

    def want(self, name: str, path: Path, *, from_ns: int, to_ns: int = UNTIL_TOLD, why: str = "") -> None:
        """As ``Recorder.want``; without a connection nothing is begun. Raises ``OSError``, ``TooManyClips``."""
        if self._recorder is not None:
            self._recorder.want(name, path, from_ns=from_ns, to_ns=to_ns, why=why)

    def finish(self, name: str, path: Path, *, from_ns: int, to_ns: int = UNTIL_TOLD, why: str = "") -> Closed:
        """End a clip that is not being recorded any more with the parts there are. Raises ``OSError``."""
        to_ns = min(to_ns, from_ns + round(self._options.most_s * SECOND))
        return self._told(finish(name, path, from_ns=from_ns, to_ns=to_ns, why=why, broken_off=True))

    def tidy(self, folder: Path, wanted: set[str]) -> None:
        """Remove parts of clips that nobody waits for any more."""
        drop_others(folder, wanted)

    def forget(self, path: Path) -> None:
        """What a clip was made of, when all is said of it."""
        drop_parts(path)

    def close(self) -> list[Closed]:
        """Let go of the connection; clips stay as parts, to be gone on with or finished."""
        closed = [] if self._recorder is None else self._recorder.interrupt()
        self._recorder = self._transcoder = None
        self._source.close()
        return closed

    def _told(self, closed: Closed) -> Closed:
        """With the frames that are missing in it."""
        made = closed.recorded
        lost = 0 if self._times is None or made is None else self._times.lost(made.started_ns, made.ended_ns)
        if not lost:
            return closed
        pictures = "1 picture was" if lost == 1 else f"{lost} pictures were"
        return replace(closed, short="; ".join(filter(None, [f"{pictures} lost on the way", closed.short])))

    def _arrivals(self, copied: Copied) -> Iterable[Arrival]:
        arrival = Arrival(copied.packet, copied.wall_ns)
        return [arrival] if self._transcoder is None else self._transcoder.convert(arrival)
