"""Which camera sources lie on this machine's disk, by their text; what they are is the capture stage's affair."""

import re
from urllib.parse import unquote, urlsplit

_ELSEWHERE = re.compile(r"(?:rtsps?|https?|usb|synthetic):|\d+$|/dev/|(?!file:)[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_STREAM = re.compile(r"(?!file:|synthetic:)", re.IGNORECASE)
_NETWORK = re.compile(r"(?:rtsps?|https?)://", re.IGNORECASE)
_QUERY = re.compile(r"\?\w+=[^?/]*$")


def local_path(source: str) -> str | None:
    """The file or folder that ``source`` names, without the query of a picture folder; None for anything else."""
    if source.lower().startswith("file:"):
        return unquote(urlsplit(source).path)
    return None if _ELSEWHERE.match(source) else _QUERY.sub("", source)


def is_stream(source: str) -> bool:
    """Whether ``source`` is live by its address: a URL or a device."""
    return local_path(source) is None and _STREAM.match(source) is not None


def is_network(source: str) -> bool:
    """Whether ``source`` is a stream that several may fetch at a time."""
    return _NETWORK.match(source) is not None
