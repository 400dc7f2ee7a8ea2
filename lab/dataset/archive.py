"""Archives that labelling tools export, unpacked without trusting them."""

import stat
import zipfile
from pathlib import Path, PurePosixPath

from pipeline.errors import UsageError

MOST_BYTES = 20 * 2**30
MOST_FILES = 500_000
MOST_RATIO = 200
"""Pictures hardly compress, and label files by less than this; what does more is made to fill a disk."""
CHUNK = 2**20


def unpack(archive: Path, folder: Path, *, most_bytes: int = MOST_BYTES) -> Path:
    """The content of a ZIP file, in ``folder``.

    Raises ``UsageError`` for an archive that is damaged, encrypted, too large, compressed beyond belief, or that
    holds links or names leading out of the folder; nothing of such a name is ever written.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            entries = [entry for entry in packed.infolist() if not entry.is_dir()]
            _judge(archive, entries, most_bytes)
            for entry in entries:
                _extract(packed, entry, folder / _safe(archive, entry), archive)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise UsageError(f"{archive}: cannot be unpacked: {error}") from error
    return folder


def _judge(archive: Path, entries: list[zipfile.ZipInfo], most_bytes: int) -> None:
    size, packed = sum(entry.file_size for entry in entries), sum(entry.compress_size for entry in entries)
    if len(entries) > MOST_FILES or size > most_bytes:
        raise UsageError(
            f"{archive}: {len(entries)} files, {size} bytes; allowed are {MOST_FILES}, {most_bytes}: unpack it by hand"
        )
    if size > MOST_RATIO * max(packed, 1) and size > CHUNK:
        raise UsageError(
            f"{archive}: unpacks to {size // max(packed, 1)} times its size; refused as a decompression bomb"
        )
    for entry in entries:
        _safe(archive, entry)


def _safe(archive: Path, entry: zipfile.ZipInfo) -> Path:
    name = PurePosixPath(entry.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in name.parts[0] or "\0" in entry.filename:
        raise UsageError(f"{archive}: holds {entry.filename!r}, which leads out of its folder; refused")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise UsageError(f"{archive}: holds the link {entry.filename!r}; refused")
    return Path(*name.parts)


def _extract(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, archive: Path) -> None:
    """Copy at most the size that the directory states, whatever the data say."""
    target.parent.mkdir(parents=True, exist_ok=True)
    left = entry.file_size
    with packed.open(entry) as source, target.open("wb") as sink:
        while chunk := source.read(min(CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise UsageError(f"{archive}: {entry.filename!r} is larger than it says; refused")
            sink.write(chunk)
