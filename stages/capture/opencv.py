"""Frames through OpenCV's ``VideoCapture``: the default backend for streams, devices and files.

What it does not do by itself, and is done here (measured with opencv-python 5.0, FFmpeg 8.1):

- Its timeouts are 30 s to open and up to 90 s to read unless asked otherwise at construction.
- With more than one decoder thread a stream that fell silent hands out old pictures as good ones, each after a whole
  timeout; so streams get one thread, and a picture that comes later than the timeout is taken for the stall it is.
- ``isOpened`` stays true after the stream has died, and no call says why anything failed.
- The last pictures of a recording may claim to be at 0 ms.
- Pictures of a stream that changes its resolution are stretched to the size it had when it was opened.
- Uncompressed BGR stored bottom-up corrupts its heap; such files are refused before the first read.
"""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.clock import SECOND, Clock
from pipeline.errors import SourceError, SourceRefused
from pipeline.redaction import redact
from pipeline.stage import Grab, Picture
from stages.capture.address import SourceKind, device_number, kind_of, path_of
from stages.capture.devices import open_device
from stages.capture.ending import ended
from stages.capture.ffmpeg import rtsp_options
from stages.capture.options import CameraOptions
from stages.capture.presentation import PresentationTimes
from stages.capture.reasons import LATE, hung_up, no_file, no_video, stalled_opening, stalled_reading, why

if TYPE_CHECKING:
    import cv2

_ENVIRONMENT = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
"""The only way to hand options to the FFmpeg within OpenCV; a value that the user has set is left alone."""
_AV_LOG_FATAL = "8"
_BGR24 = int.from_bytes(b"BGR\x18", "little")
_MOST_TICKS = 2.0**62


class BackendUnfit(SourceRefused):
    """OpenCV cannot read this, or would crash on it; another backend can."""


class OpenCvSource:
    """Fulfils ``Source`` for streams, devices and video files."""

    Options = CameraOptions

    def __init__(
        self,
        options: CameraOptions,
        clock: Clock,
        *,
        opener: "Callable[[int], cv2.VideoCapture]" = open_device,
    ) -> None:
        self.live = options.live
        self.frames: int | None = None
        self._options = options
        self._clock = clock
        self._opener = opener
        self._kind = kind_of(options.source)
        self._capture: cv2.VideoCapture | None = None
        self._decoded = 0
        self._times = PresentationTimes(recording=self._kind is SourceKind.PATH, rate=0)

    def open(self) -> None:
        """Connect. Raises ``BackendUnfit`` where OpenCV fails and PyAV would not."""
        self.close()
        self._decoded, self.frames = 0, None
        began_ns = self._clock.monotonic_ns()
        capture = self._connect()
        if not capture.isOpened():
            capture.release()
            raise self._why_closed(self._since_s(began_ns))
        recording = self._kind is SourceKind.PATH
        if recording:
            self._inspect(capture)
        self._times = PresentationTimes(recording=recording, rate=_rate(capture))
        self._capture = capture

    def read(self, canvas: Picture | None) -> Grab:
        """Decode the next picture into ``canvas`` where its shape fits."""
        if self._capture is None:
            raise SourceError(f"{self._name}: not open")
        began_ns = self._clock.monotonic_ns()
        good, pixels = self._capture.read(canvas) if canvas is not None else self._capture.read()
        late = self._kind is not SourceKind.PATH and self._since_s(began_ns) >= LATE * self._options.read_timeout_s
        if late:
            raise stalled_reading(self._options.source, self._options.read_timeout_s)
        if not good:
            raise self._over(self._capture)
        self._decoded += 1
        return Grab(pixels, self._presented(self._capture), key_frame=self._key_frame(self._capture))  # type: ignore[arg-type]  # cv2's stub allows any dtype

    def close(self) -> None:
        """Release the capture."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    @property
    def _name(self) -> str:
        return redact(self._options.source)

    def _since_s(self, began_ns: int) -> float:
        return (self._clock.monotonic_ns() - began_ns) / SECOND

    def _connect(self) -> "cv2.VideoCapture":
        import cv2

        _quieten()
        source = self._options.source
        match self._kind:
            case SourceKind.USB:
                return self._opener(device_number(source))
            case SourceKind.PATH:
                if not Path(path_of(source)).is_file():
                    raise no_file(source)
                return cv2.VideoCapture(path_of(source), cv2.CAP_FFMPEG)
            case _:
                wanted = [
                    *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _milliseconds(self._options.open_timeout_s)),
                    *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, _milliseconds(self._options.read_timeout_s)),
                    *(cv2.CAP_PROP_N_THREADS, 1),
                ]
                with _ffmpeg_options(self._kind, self._options.transport):
                    return cv2.VideoCapture(source, cv2.CAP_FFMPEG, wanted)

    def _why_closed(self, waited_s: float) -> SourceError:
        """OpenCV tells no reason, so FFmpeg is asked again through PyAV, which does."""
        from av.error import FFmpegError

        from stages.capture.pyav import open_container

        if self._kind is SourceKind.USB:
            return SourceRefused(f"{self._name}: there is a device, but no camera that can be opened; is it in use?")
        if self._kind is not SourceKind.PATH and waited_s >= LATE * self._options.open_timeout_s:
            return stalled_opening(self._options.source, self._options.open_timeout_s)
        try:
            with open_container(self._options) as container:
                readable = bool(container.streams.video)
        except FFmpegError as error:
            return why(error, self._options.source)
        if not readable:
            return no_video(self._options.source)
        if self._kind is SourceKind.PATH:
            return BackendUnfit(f"{self._name}: OpenCV cannot open it, PyAV can")
        return SourceError(f"{self._name}: OpenCV could not open it, though it answers; try again, or backend: pyav")

    def _inspect(self, capture: "cv2.VideoCapture") -> None:
        """What the header says; refuse what would crash this process."""
        import cv2

        uncompressed = int(capture.get(cv2.CAP_PROP_FOURCC)) == 0
        if uncompressed and int(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) == _BGR24:
            capture.release()
            raise BackendUnfit(f"{self._name}: OpenCV may crash on uncompressed BGR video, PyAV does not")
        frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.frames = frames if frames > 0 else None

    def _over(self, capture: "cv2.VideoCapture") -> SourceError:
        if self._kind is SourceKind.USB:
            return SourceError(f"{self._name}: the device gives no more pictures; was it unplugged?")
        if self._kind is not SourceKind.PATH:
            return hung_up(self._options.source)
        if not self._decoded:
            return no_video(self._options.source)
        return ended(self._options.source, self._decoded, self.frames, self._times.last_ns, _rate(capture))

    def _presented(self, capture: "cv2.VideoCapture") -> int | None:
        """Time of the picture just read, in what OpenCV says: 0 ms means unknown for all but the first.

        Where a stream has no times (MJPEG over HTTP), OpenCV makes some up from a rate it guessed.
        """
        import cv2

        milliseconds = capture.get(cv2.CAP_PROP_POS_MSEC)
        stream = self._kind in (SourceKind.RTSP, SourceKind.HTTP)
        made_up = stream and abs(capture.get(cv2.CAP_PROP_PTS)) > _MOST_TICKS
        unknown = made_up or not math.isfinite(milliseconds) or (milliseconds == 0 and self._decoded > 1)
        return self._times.next(None if unknown else round(milliseconds * 1e6))

    def _key_frame(self, capture: "cv2.VideoCapture") -> bool:
        import cv2

        return int(capture.get(cv2.CAP_PROP_FRAME_TYPE)) == ord("I")


def _rate(capture: "cv2.VideoCapture") -> float:
    import cv2

    return float(capture.get(cv2.CAP_PROP_FPS))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


@contextmanager
def _ffmpeg_options(kind: SourceKind, transport: str) -> Iterator[None]:
    """RTSP options for captures made inside."""
    if kind is not SourceKind.RTSP or _ENVIRONMENT in os.environ:
        yield
        return
    os.environ[_ENVIRONMENT] = "|".join(f"{name};{value}" for name, value in rtsp_options(transport).items())
    try:
        yield
    finally:
        del os.environ[_ENVIRONMENT]


def _quieten() -> None:
    """Keep OpenCV and its FFmpeg from writing to the terminal what is raised as an error here."""
    import cv2

    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _AV_LOG_FATAL)
