"""From a camera's options to the source that reads it."""

import logging
from pathlib import Path

from pipeline.clock import Clock
from pipeline.registry import SOURCES, resolve
from pipeline.stage import Grab, Picture, Source
from stages.capture.address import SourceKind, kind_of, path_of
from stages.capture.images import folder_of
from stages.capture.opencv import BackendUnfit, OpenCvSource
from stages.capture.options import CameraOptions
from stages.capture.pacing import PacedSource
from stages.capture.pyav import PyAvSource

logger = logging.getLogger(__name__)


def source_kind(options: CameraOptions) -> str:
    """What reads the source: a name of the registry's ``SOURCES``, or the user's own ``package.module:Class``."""
    match kind_of(options.source):
        case SourceKind.SYNTHETIC:
            return "synthetic"
        case SourceKind.PATH if ":" not in options.backend and _is_folder(options.source):
            return "images"
        case _:
            return options.backend


def open_source(options: CameraOptions, clock: Clock) -> Source:
    """The source of a camera, ready for ``open()``: nothing is connected yet.

    Raises ``UsageError`` for an unknown class of the user's own, ``SourceRefused`` for a malformed folder source.
    """
    kind = source_kind(options)
    recording = kind_of(options.source) is SourceKind.PATH
    source: Source = resolve(kind, SOURCES)(options, clock)
    if recording and isinstance(source, OpenCvSource):
        source = FallbackSource(source, PyAvSource(options, clock))
    if options.realtime or (kind == "synthetic" and options.live):
        return PacedSource(source, clock, longest_wait_s=options.read_timeout_s)
    return source


class FallbackSource:
    """Fulfils ``Source`` with OpenCV, or with PyAV for a file that OpenCV cannot read."""

    def __init__(self, first: OpenCvSource, second: PyAvSource) -> None:
        self.live = first.live
        self._first = first
        self._second = second
        self._used: Source = first
        self.frames: int | None = None

    def open(self) -> None:
        """Open with the first backend that can."""
        self._used = self._first
        try:
            self._first.open()
        except BackendUnfit as unfit:
            logger.warning("%s: reading it with backend pyav instead", unfit)
            self._used = self._second
            self._second.open()
        self.frames = self._used.frames

    def read(self, canvas: Picture | None) -> Grab:
        """The next picture."""
        return self._used.read(canvas)

    def close(self) -> None:
        """Close both."""
        self._first.close()
        self._second.close()


def _is_folder(source: str) -> bool:
    return Path(path_of(source)).is_dir() or ("?" in source and folder_of(source)[0].is_dir())
