"""Frames of a camera, stream, recording or folder, read as the pipeline reads them."""

from collections.abc import Iterator

from pipeline.clock import SECOND, Clock, SystemClock
from pipeline.errors import SourceEnded, SourceStalled, UsageError
from pipeline.messages import Status
from pipeline.stage import Captured

LIVE_S = 60.0
"""How long a live source is read unless somebody says otherwise."""


def frames(source: str, camera: str, *, seconds: float | None = None, clock: Clock | None = None) -> Iterator[Captured]:
    """The sound frames of a source, with index and media time; damaged ones are left out.

    It ends with the recording, or after ``seconds`` (by the clock where live, in media time elsewhere; None: ``LIVE_S``
    where live, else never). A live stream
    that falls silent ends too, if it gave anything before. Raises ``UsageError`` for no source, ``SourceError`` where
    it cannot be read.
    """
    from pydantic import ValidationError

    from stages.capture.camera import CameraCapture
    from stages.capture.options import CameraOptions, GateOptions
    from stages.capture.sources import open_source

    clock = clock or SystemClock()
    try:
        options = CameraOptions(source=source, gate=GateOptions(enabled=False))
    except ValidationError as error:
        raise UsageError(f"source: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error
    capture = CameraCapture(options, camera=camera, source=open_source(options, clock), clock=clock)
    began_ns, given = clock.monotonic_ns(), 0
    try:
        limit = LIVE_S if seconds is None and capture.live else seconds
        capture.open(session=0, next_index=0, last_media_ns=-1)
        while True:
            try:
                captured = capture.capture(None)
            except SourceEnded:
                return
            except SourceStalled:
                if not given:
                    raise
                return
            passed_ns = clock.monotonic_ns() - began_ns if capture.live else captured.frame.media_ns
            if limit is not None and passed_ns > limit * SECOND:
                return
            if captured.skip is not Status.CORRUPT:
                given += 1
                yield captured
    finally:
        capture.close()
