"""The log of a camera: the only journal there is. Its length is the commit point of every frame.

One append-only file: eight bytes of magic, then records of u32 length, u32 CRC-32C of the payload, payload
(MessagePack), all little endian; the first record is a ``LogHeader``. A process that dies while appending leaves a
torn tail, which the next writer cuts off. Damage before the tail is never skipped: it is a ``LogError``.

Whether broken bytes are the tail is decided by looking for whole records behind them: a flipped bit in a length may
look like a record that is not finished yet.
"""

import fcntl
import os
import struct
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from crc32c import crc32c

from pipeline.codec import decode_record, encode_record
from pipeline.errors import LogError, MessageError
from pipeline.messages import SCHEMA, EndRecord, EngineRecord, FrameRecord, LogHeader, Record, Status, StreamRecord

MAX_RECORD_BYTES = 8 * 1024 * 1024

_MAGIC = b"BZLOG\x00\x01\n"
_HEAD = struct.Struct("<II")
_CHUNK = 1 << 20
_PAGES = 1 << 16
_USUAL_BYTES = 2048
_TAG = b"\xa4type"
"""Every payload is a small map whose first key is the tag: one byte of map head, then these."""


@dataclass(frozen=True, slots=True)
class LogSummary:
    """What a log holds."""

    next_index: int = 0
    next_session: int = 0
    """One more than the latest session; 0 when there was none."""
    last_media_ns: int = -1
    last_digest: int = 0
    ended: bool = False
    """The last frame is followed by an end of stream."""
    counts: dict[Status, int] = field(default_factory=dict)
    """Frames by what became of them; statuses that did not occur are left out."""
    engine: EngineRecord | None = None
    records: int = 0
    length: int = 0
    """Bytes, up to the end of the last whole record."""


class _Tally:
    """Counts a log's records into its summary."""

    def __init__(self) -> None:
        self._next_index, self._next_session, self._last_media_ns, self._last_digest = 0, 0, -1, 0
        self._ended = False
        self._counts: Counter[Status] = Counter()
        self._engine: EngineRecord | None = None
        self._records = 0

    def add(self, record: Record) -> None:
        self._records += 1
        match record:
            case FrameRecord(frame=frame, status=status):
                self._next_index = frame.index + 1
                self._next_session = max(self._next_session, frame.session + 1)
                self._last_media_ns = max(self._last_media_ns, frame.media_ns)
                self._last_digest = frame.digest
                self._counts[status] += 1
                self._ended = False
            case StreamRecord(media_ns=media_ns):
                self._last_media_ns = max(self._last_media_ns, media_ns)
            case EngineRecord():
                self._engine = record
            case EndRecord():
                self._ended = True
            case LogHeader():
                pass

    def summary(self, length: int) -> LogSummary:
        return LogSummary(
            next_index=self._next_index,
            next_session=self._next_session,
            last_media_ns=self._last_media_ns,
            last_digest=self._last_digest,
            ended=self._ended,
            counts=dict(self._counts),
            engine=self._engine,
            records=self._records,
            length=length,
        )


class LogReader:
    """Follows a camera's log, which may not exist yet and may be growing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._offset = 0

    @property
    def offset(self) -> int:
        """Where the next ``read`` goes on; 0 is the beginning."""
        return self._offset

    def seek(self, offset: int) -> None:
        """Go on at an offset that ``read`` gave, or at 0."""
        self._offset = offset

    def read(self, limit: int) -> list[tuple[Record, int]]:
        """At most ``limit`` records from the offset on, each with the offset behind it; none if none is whole yet.

        Raises ``LogError`` for damage before the tail, another schema, or a log shorter than the offset.
        """
        if not self._is_open():
            return []
        self._offset = max(self._offset, len(_MAGIC))
        found: list[tuple[Record, int]] = []
        while len(found) < limit:
            batch = self._read_chunk(limit - len(found))
            if not batch:
                break
            found += batch
        return found

    def sync(self) -> None:
        """Wait until what was read lies on the disk (``fdatasync``): call it before committing an offset."""
        if self._descriptor is not None:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _is_open(self) -> bool:
        if self._descriptor is not None:
            return True
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise LogError(f"log {self._path} cannot be opened: {error.strerror}") from error
        try:
            ready = _has_header(descriptor, self._path)
        except BaseException:
            os.close(descriptor)
            raise
        if ready:
            self._descriptor = descriptor
        else:
            os.close(descriptor)
        return ready

    def _read_chunk(self, limit: int) -> list[tuple[Record, int]]:
        assert self._descriptor is not None
        data = os.pread(self._descriptor, min(_CHUNK, _PAGES + limit * _USUAL_BYTES), self._offset)
        payloads = _payloads(data, limit)
        if not payloads:
            data = os.pread(self._descriptor, MAX_RECORD_BYTES + _HEAD.size, self._offset) if data else data
            payloads = _payloads(data, limit)
            if not payloads:
                self._refuse_damage()
        records = [(_decoded(payload, self._path), self._offset + end) for payload, end in payloads]
        if records:
            self._offset = records[-1][1]
        return records

    def _refuse_damage(self) -> None:
        assert self._descriptor is not None
        length = os.fstat(self._descriptor).st_size
        if self._offset > length:
            raise LogError(f"log {self._path} has {length} bytes but was read up to {self._offset} before: {_ADVICE}")
        if not _is_tail(self._descriptor, self._offset):
            raise LogError(f"log {self._path} is damaged at byte {self._offset}: {_ADVICE}")


class LogWriter:
    """The one writer of a camera's log. What ``append`` returned from survives the death of the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._length = 0
        self._tally = _Tally()
        self.truncated_bytes = 0
        """Torn tail cut off at opening."""

    @classmethod
    def open(cls, path: Path, header: LogHeader) -> Self:
        """Create the log, or open it to go on: the torn tail is cut off and the records are counted.

        Raises ``LogError`` if it is another camera's, analysis's or source's log, is damaged before its tail, is
        being written by another process, or cannot be written.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LogError(f"log {path} cannot be opened: {error.strerror}") from error
        writer = cls(path, descriptor)
        try:
            writer._lock()
            writer._recover(header)
        except BaseException:
            os.close(descriptor)
            raise
        return writer

    @property
    def summary(self) -> LogSummary:
        """What the log holds now."""
        return self._tally.summary(self._length)

    def append(self, record: Record) -> int:
        """Write a record; returns the log's new length.

        Raises ``LogError`` when it cannot be written; then none of it is in the log.
        """
        payload = encode_record(record)
        if len(payload) > MAX_RECORD_BYTES:
            raise LogError(f"record of {len(payload)} bytes is too large for {self._path}; at most {MAX_RECORD_BYTES}")
        self._write(_HEAD.pack(len(payload), crc32c(payload)) + payload)
        self._tally.add(record)
        return self._length

    def sync(self) -> None:
        """Wait until all records lie on the disk (``fdatasync``)."""
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LogError(f"log {self._path} is being written by another process: stop that one first") from error

    def _recover(self, header: LogHeader) -> None:
        if not _has_header(self._descriptor, self._path):
            self._start(header)
            return
        reader = LogReader(self._path)
        try:
            while batch := reader.read(4096):
                for record, _ in batch:
                    self._tally.add(record)
                    if isinstance(record, LogHeader):
                        _require_equal(record, header, self._path)
        finally:
            reader.close()
        self._length = reader.offset
        self._cut()

    def _start(self, header: LogHeader) -> None:
        self._cut()
        self._write(_MAGIC)
        self.append(header)
        self.sync()
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _cut(self) -> None:
        torn = os.fstat(self._descriptor).st_size - self._length
        if torn:
            os.ftruncate(self._descriptor, self._length)
            self.truncated_bytes += torn

    def _write(self, data: bytes) -> None:
        try:
            written = os.write(self._descriptor, data)
            if written == len(data):
                self._length += written
                return
            cause = "no space left on device"
        except OSError as error:
            cause = str(error.strerror)
        os.ftruncate(self._descriptor, self._length)
        raise LogError(f"log {self._path} cannot be written at byte {self._length}: {cause}")


_ADVICE = "restore it from a backup, or start anew with --overwrite"


def _payloads(data: bytes, limit: int) -> list[tuple[bytes, int]]:
    """The whole and intact payloads that ``data`` begins with, each with the offset behind it."""
    found: list[tuple[bytes, int]] = []
    position = 0
    while len(found) < limit and position + _HEAD.size <= len(data):
        payload = _payload_at(data, position)
        if payload is None:
            break
        position += _HEAD.size + len(payload)
        found.append((payload, position))
    return found


def _payload_at(data: bytes, position: int) -> bytes | None:
    length, checksum = _HEAD.unpack_from(data, position)
    start = position + _HEAD.size
    if not 0 < length <= MAX_RECORD_BYTES or start + length > len(data):
        return None
    payload = data[start : start + length]
    return payload if crc32c(payload) == checksum else None


def _is_tail(descriptor: int, offset: int) -> bool:
    """Whether what lies at ``offset`` is unfinished, or has been finished since, and not damaged.

    It is damaged when it is not a whole record, but one lies behind it.
    """
    data = os.pread(descriptor, max(0, os.fstat(descriptor).st_size - offset), offset)
    if len(data) < _HEAD.size or _payload_at(data, 0) is not None:
        return True
    tag = data.find(_TAG)
    while tag >= 0:
        position = tag - 1 - _HEAD.size
        if position >= 0 and _payload_at(data, position) is not None:
            return False
        tag = data.find(_TAG, tag + 1)
    return True


def _decoded(payload: bytes, path: Path) -> Record:
    try:
        return decode_record(payload)
    except MessageError as error:
        raise LogError(f"log {path} was written by another version: {error}; {_ADVICE}") from error


def _has_header(descriptor: int, path: Path) -> bool:
    """Whether the log's first record is there; raises ``LogError`` if the file is no log of this schema."""
    magic = os.pread(descriptor, len(_MAGIC), 0)
    if not _MAGIC.startswith(magic):
        raise LogError(f"{path} is not a log of Bartizan: move it away, or choose another output directory")
    payloads = _payloads(os.pread(descriptor, _CHUNK, len(_MAGIC)), 1)
    if not payloads:
        if len(magic) == len(_MAGIC) and not _is_tail(descriptor, len(_MAGIC)):
            raise LogError(f"log {path} is damaged at byte {len(_MAGIC)}: {_ADVICE}")
        return False
    header = _decoded(payloads[0][0], path)
    if not isinstance(header, LogHeader):
        raise LogError(f"log {path} is damaged: it starts with {type(header).__name__}, not a header; {_ADVICE}")
    if header.schema != SCHEMA:
        raise LogError(f"log {path} has schema {header.schema}, this version has {SCHEMA}: {_ADVICE}")
    return True


def _require_equal(found: LogHeader, wanted: LogHeader, path: Path) -> None:
    differences = [
        f"{name} is {getattr(found, name)!r}, not {getattr(wanted, name)!r}"
        for name in LogHeader.__struct_fields__
        if getattr(found, name) != getattr(wanted, name)
    ]
    if differences:
        raise LogError(f"log {path} belongs to something else: {'; '.join(differences)}; {_ADVICE}")
