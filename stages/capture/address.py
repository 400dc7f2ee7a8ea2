"""What the ``source`` of a camera names: a stream, a device, a recording, a folder of pictures, or a test pattern."""

import re
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from pipeline.redaction import redact

ALLOWED = (
    "rtsp://..., http://... (or rtsps, https), usb:0, /dev/video0, a video file, a folder of pictures, "
    "or synthetic:WIDTHxHEIGHT@FPS"
)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):", re.IGNORECASE)
_DEVICE = re.compile(r"(?:usb:|/dev/video)?(\d+)", re.IGNORECASE)


class SourceKind(StrEnum):
    """How a source is reached."""

    RTSP = "rtsp"
    HTTP = "http"
    USB = "usb"
    PATH = "path"
    """A file or a folder; which of them, only the disk knows."""
    SYNTHETIC = "synthetic"


_BY_SCHEME = {
    "rtsp": SourceKind.RTSP,
    "rtsps": SourceKind.RTSP,
    "http": SourceKind.HTTP,
    "https": SourceKind.HTTP,
    "usb": SourceKind.USB,
    "file": SourceKind.PATH,
    "synthetic": SourceKind.SYNTHETIC,
}


def kind_of(source: str) -> SourceKind:
    """How ``source`` is reached, from its text alone. Raises ``ValueError`` for what nothing here can read."""
    if _DEVICE.fullmatch(source):
        return SourceKind.USB
    match = _SCHEME.match(source)
    if match is None:
        return SourceKind.PATH
    scheme = match[1].lower()
    kind = _BY_SCHEME.get(scheme)
    if kind is None and "://" not in source:
        return SourceKind.PATH
    if kind is None or kind is SourceKind.USB:
        raise ValueError(f"{redact(source)!r} is no source; allowed: {ALLOWED}")
    if kind in (SourceKind.RTSP, SourceKind.HTTP) and not _host(source):
        raise ValueError(f"{redact(source)!r} names no host; write {scheme}://HOST/PATH")
    return kind


def path_of(source: str) -> str:
    """The path of a source of kind ``PATH``: as it is, or that of a ``file:`` URL (RFC 8089)."""
    if not source.lower().startswith("file:"):
        return source
    return unquote(urlsplit(source).path)


def device_number(source: str) -> int:
    """N of ``usb:N``, ``/dev/videoN`` or ``N``. Raises ``ValueError`` for anything else."""
    match = _DEVICE.fullmatch(source)
    if match is None:
        raise ValueError(f"{redact(source)!r} is no device; write usb:0 or /dev/video0")
    return int(match[1])


def _host(source: str) -> str:
    try:
        return urlsplit(source).hostname or ""
    except ValueError:
        return ""
