"""Originals: the pictures as they were, with people whom an event is not about. Whoever hands one out is written down.

``originals/`` can be read by the owner of the results alone. Where roles are configured each picture in it is sealed,
and only who holds the key of a role can open it. ``releases.jsonl`` has a line for each picture that was handed out, or
asked for with a key that does not open it; the chain takes them over from there.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pipeline.integrity.sealing import SUFFIX, seal
from pipeline.whole_file import write_whole

ORIGINALS = "originals"
"""Folder of the pictures as they were."""
FILE = "releases.jsonl"


class Release(msgspec.Struct, frozen=True, omit_defaults=True):
    """One original that somebody was given, or was not."""

    name: str
    """Path within the results."""
    by: str
    """User of this machine."""
    to: str
    at: str
    """RFC 3339, UTC."""
    role: str = ""
    """Public key of the role (``age1...``) whose private key opened it."""
    sealed: bool = False
    """Whether it was given as it lies there, to be opened by who holds the key."""
    refused: bool = False
    """Whether it was not given: ``role`` is a key that does not open it."""

    @property
    def about(self) -> str:
        """By whom, to whom, and how."""
        opened = f", opened with {self.role}" if self.role and not self.refused else ""
        refused = f", with {self.role}, which does not open it" if self.refused else ""
        return f"by {self.by}, to {self.to}{', sealed' if self.sealed else opened or refused}"


def original_of(name: str) -> str:
    """Path of the picture as it was, for that of a snapshot; sealed it has ``SUFFIX`` after that."""
    return f"{ORIGINALS}/{Path(name).name}"


def originals_of(out: Path, name: str) -> list[str]:
    """Path of the original of a snapshot, sealed or not, if it is there."""
    plain = original_of(name)
    return [each for each in (plain, plain + SUFFIX) if (out / each).is_file()]


def write_original(out: Path, name: str, data: bytes, recipients: Sequence[bytes]) -> None:
    """The original of a snapshot, sealed for the holders of these public keys, if there are any. Raises ``OSError``."""
    plain = out / original_of(name)
    if not recipients:
        write_whole(plain, [data], mode=0o600)
        return
    write_whole(plain.with_name(plain.name + SUFFIX), [seal(data, recipients)], mode=0o600)
    plain.unlink(missing_ok=True)  # of a process that was killed before it came to the snapshot, and knew no roles


def note_releases(out: Path, releases: Sequence[Release]) -> None:
    """Write down that these are handed out, and have it on the disk: before they are. Raises ``OSError``."""
    data = b"".join(msgspec.json.encode(release) + b"\n" for release in releases)
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
