"""Why a source failed, in one line that names it without its credentials."""

import errno
from typing import TYPE_CHECKING

from pipeline.errors import SourceError, SourceRefused, SourceStalled
from pipeline.redaction import redact
from stages.capture.address import SourceKind, kind_of

if TYPE_CHECKING:
    from av.error import FFmpegError

LATE = 0.9
"""A failure after this share of a timeout is one: FFmpeg reports the interruption under several names."""


def stalled_opening(source: str, timeout_s: float) -> SourceStalled:
    """It did not answer."""
    return SourceStalled(f"{redact(source)}: no answer within {timeout_s:g} s")


def stalled_reading(source: str, timeout_s: float) -> SourceStalled:
    """It was open and fell silent."""
    return SourceStalled(f"{redact(source)}: no picture within {timeout_s:g} s")


def hung_up(source: str) -> SourceError:
    """A stream closed by the other side."""
    return SourceError(f"{redact(source)}: the other side closed the stream")


def no_file(source: str) -> SourceRefused:
    """Nothing lies at this path."""
    return SourceRefused(f"{redact(source)}: no such file or folder; check the path of the source")


def no_video(source: str) -> SourceRefused:
    """It was read, but holds no pictures."""
    return SourceRefused(f"{redact(source)}: not a video that can be read; it is damaged, or of another kind")


def why(error: "FFmpegError", source: str) -> SourceError:
    """What FFmpeg's error means to the user. Its own text is not passed on: it may hold the password."""
    import av.error

    name = redact(source)
    stream = kind_of(source) in (SourceKind.RTSP, SourceKind.HTTP)
    if error.errno == errno.EPROTONOSUPPORT:
        return SourceRefused(
            f"{name}: the server does not offer this transport; set transport to the other of tcp, udp"
        )
    match error:
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return SourceRefused(f"{name}: access denied; check user and password")
        case av.error.HTTPNotFoundError():
            return SourceRefused(f"{name}: the server knows no such stream (404); check the path of the URL")
        case av.error.HTTPClientError():
            return SourceRefused(f"{name}: the server refused the request ({error.strerror}); check URL and transport")
        case av.error.ConnectionRefusedError():
            return SourceError(f"{name}: nothing listens there; check host and port, or wait for it to start")
        case av.error.FileNotFoundError():
            return no_file(source)
        case av.error.PermissionError():
            return SourceRefused(f"{name}: this user may not read it; check its permissions")
        case av.error.InvalidDataError() if not stream:
            return no_video(source)
        case _:
            return SourceError(f"{name}: {error.strerror or type(error).__name__}")
