"""What a recording is, whatever it is called and wherever it lies: pinned in its camera's log."""

import hashlib
from pathlib import Path

from pipeline.errors import SourceRefused
from stages.capture.address import SourceKind, kind_of, path_of

_EDGE = 1 << 20
_PICTURE_EDGE = 1 << 12


def fingerprint(source: str) -> str:
    """SHA-256 (hex) of what ``source`` holds, or an empty text for a stream or device.

    A file counts by its size and its first and last MiB, a folder by its files' names, sizes and first and last
    4 KiB, a test pattern by its text. Raises ``SourceRefused`` if it cannot be read.
    """
    match kind_of(source):
        case SourceKind.PATH:
            return _of_path(source)
        case SourceKind.SYNTHETIC:
            return hashlib.sha256(source.encode()).hexdigest()
        case _:
            return ""


def _of_path(source: str) -> str:
    path, query = Path(path_of(source)), ""
    if not path.exists():
        name, _, query = path_of(source).rpartition("?")
        path = Path(name or path_of(source))
    seal = hashlib.sha256(query.encode())
    try:
        if path.is_dir():
            for entry in sorted(path.iterdir(), key=lambda entry: entry.name):
                if entry.is_file():
                    seal.update(entry.name.encode() + b"\0")
                    _add(seal, entry, edge=_PICTURE_EDGE)
        else:
            _add(seal, path, edge=_EDGE)
    except OSError as error:
        raise SourceRefused(f"{source}: cannot be read: {error.strerror}") from error
    return seal.hexdigest()


def _add(seal: "hashlib._Hash", path: Path, *, edge: int) -> None:
    size = path.stat().st_size
    seal.update(size.to_bytes(8, "big"))
    with path.open("rb") as file:
        seal.update(file.read(edge))
        if size > edge:
            file.seek(max(edge, size - edge))
            seal.update(file.read(edge))
