"""Originals: the pictures as they were, with people whom an event is not about. Whoever hands one out is written down.

``originals/`` can be read by the owner of the results alone. ``releases.jsonl`` has a line for each picture that was
handed out of it, from where the chain takes it over.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

ORIGINALS = "originals"
"""Folder of the pictures as they were."""
FILE = "releases.jsonl"


class Release(msgspec.Struct, frozen=True):
    """One original that somebody was given."""

    name: str
    """Path within the results."""
    by: str
    """User of this machine."""
    to: str
    at: str
    """RFC 3339, UTC."""


def original_of(name: str) -> str:
    """Path of the picture as it was, for that of a snapshot."""
    return f"{ORIGINALS}/{Path(name).name}"


def note_releases(out: Path, names: Sequence[str], *, by: str, to: str, at: str) -> None:
    """Write down that these are handed out, and have it on the disk: before they are. Raises ``OSError``."""
    data = b"".join(msgspec.json.encode(Release(name, by, to, at)) + b"\n" for name in names)
    if _is_torn(out / FILE):
        data = b"\n" + data
    descriptor = os.open(out / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _is_torn(path: Path) -> bool:
    return path.is_file() and not path.read_bytes().endswith(b"\n")


def noted_releases(out: Path) -> list[tuple[Release, bytes]]:
    """All of them, in order, each with its line; what a crash has torn is left out."""
    path = out / FILE
    if not path.is_file():
        return []
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append((msgspec.json.decode(line, type=Release), line))
        except msgspec.MsgspecError:
            continue
    return found
