"""How records lie in a log file, how a whole one is told from a torn or damaged one, and what a log must start with.

Eight bytes of magic, then records of u32 length, u32 CRC-32C of the payload, payload (MessagePack), little endian.
Whether broken bytes are the tail is decided by looking for whole records behind them: a flipped bit in a length may
look like a record that is not finished yet.
"""

import os
import struct
from pathlib import Path

import msgspec
from crc32c import crc32c

from pipeline.codec import decode_record
from pipeline.errors import LogError, MessageError
from pipeline.messages import SCHEMA, LogHeader, Record

MAGIC = b"BZLOG\x00\x01\n"
HEAD = struct.Struct("<II")
"""Length and checksum, before each payload."""
MAX_RECORD_BYTES = 8 * 1024 * 1024
CHUNK = 1 << 20
"""How much is read at a time."""
ADVICE = "restore it from a backup, or start anew with --overwrite"

_TAG = b"\xa4type"
"""Every payload is a small map whose first key is the tag: one byte of map head, then these."""


def payloads(data: bytes, limit: int) -> list[tuple[bytes, int]]:
    """The whole and intact payloads that ``data`` begins with, each with the offset behind it."""
    found: list[tuple[bytes, int]] = []
    position, end = 0, len(data)
    while len(found) < limit and position + HEAD.size <= end:  # what every reading of every log goes through
        length, checksum = HEAD.unpack_from(data, position)
        start = position + HEAD.size
        if not 0 < length <= MAX_RECORD_BYTES or start + length > end:
            break
        position = start + length
        payload = data[start:position]
        if crc32c(payload) != checksum:
            break
        found.append((payload, position))
    return found


def _payload_at(data: bytes, position: int) -> bytes | None:
    length, checksum = HEAD.unpack_from(data, position)
    start = position + HEAD.size
    if not 0 < length <= MAX_RECORD_BYTES or start + length > len(data):
        return None
    payload = data[start : start + length]
    return payload if crc32c(payload) == checksum else None


def is_tail(descriptor: int, offset: int) -> bool:
    """Whether what lies at ``offset`` is unfinished, or has been finished since, and not damaged.

    It is damaged when it is not a whole record, but one lies behind it.
    """
    data = os.pread(descriptor, max(0, os.fstat(descriptor).st_size - offset), offset)
    if len(data) < HEAD.size or _payload_at(data, 0) is not None:
        return True
    tag = data.find(_TAG)
    while tag >= 0:
        position = tag - 1 - HEAD.size
        if position >= 0 and _payload_at(data, position) is not None:
            return False
        tag = data.find(_TAG, tag + 1)
    return True


def decoded(payload: bytes, path: Path) -> Record:
    """The record in a payload. Raises ``LogError`` when it is of another version."""
    try:
        return decode_record(payload)
    except MessageError as error:
        raise LogError(f"log {path} was written by another version: {error}; {ADVICE}") from error


def has_header(descriptor: int, path: Path) -> bool:
    """Whether the log's first record is there; raises ``LogError`` if the file is no log of this schema."""
    magic = os.pread(descriptor, len(MAGIC), 0)
    if not MAGIC.startswith(magic):
        raise LogError(f"{path} is not a log of Bartizan: move it away, or choose another output directory")
    first = payloads(os.pread(descriptor, CHUNK, len(MAGIC)), 1)
    if not first:
        if len(magic) == len(MAGIC) and not is_tail(descriptor, len(MAGIC)):
            raise LogError(f"log {path} is damaged at byte {len(MAGIC)}: {ADVICE}")
        return False
    header = decoded(first[0][0], path)
    if not isinstance(header, LogHeader):
        raise LogError(f"log {path} is damaged: it starts with {type(header).__name__}, not a header; {ADVICE}")
    if header.schema != SCHEMA:
        raise LogError(f"log {path} has schema {header.schema}, this version has {SCHEMA}: {ADVICE}")
    return True


def require_equal(found: LogHeader, wanted: LogHeader, path: Path) -> None:
    """Raises ``LogError``, naming each difference, unless a log is the log of what is wanted.

    A recording that could not be read when its log was begun has no fingerprint there, and no frames: any fits.
    """
    if not found.source_sha256:
        wanted = msgspec.structs.replace(wanted, source_sha256="")
    differences = [
        f"{name} is {getattr(found, name)!r}, not {getattr(wanted, name)!r}"
        for name in LogHeader.__struct_fields__
        if getattr(found, name) != getattr(wanted, name)
    ]
    if differences:
        raise LogError(f"log {path} belongs to something else: {'; '.join(differences)}; {ADVICE}")
