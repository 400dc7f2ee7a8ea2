"""The log of a camera: the only journal there is. Its length is the commit point of every frame.

One append-only file, laid out as ``log_framing`` says; the first record is a ``LogHeader``. A process that dies while
appending leaves a torn tail, which the next writer cuts off. Damage before the tail is never skipped: it is a
``LogError``.
"""

import os
from pathlib import Path
from typing import Self

from crc32c import crc32c

from pipeline.codec import encode_record
from pipeline.errors import LogError
from pipeline.file_lock import lock
from pipeline.journal.framing import (
    ADVICE,
    CHUNK,
    HEAD,
    MAGIC,
    MAX_RECORD_BYTES,
    decoded,
    has_header,
    is_tail,
    payloads,
    require_equal,
)
from pipeline.journal.summary import LogSummary, LogTally
from pipeline.messages import LogHeader, Record

__all__ = ["LogReader", "LogSummary", "LogWriter"]

_PAGES = 1 << 16
_USUAL_BYTES = 2048


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

        Raises ``LogError`` for damage before the tail (once everything before it has been given), another schema,
        or a log shorter than the offset.
        """
        return [(decoded(payload, self._path), offset) for payload, offset in self.payloads(limit)]

    def payloads(self, limit: int) -> list[tuple[bytes, int]]:
        """What ``read`` gives, intact and not decoded."""
        if not self._is_open():
            return []
        self._offset = max(self._offset, len(MAGIC))
        found: list[tuple[bytes, int]] = []
        while len(found) < limit:
            batch = self._read_chunk(limit - len(found))
            if not batch:
                break
            found += batch
        if not found:
            self._refuse_damage()
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
            ready = has_header(descriptor, self._path)
        except BaseException:
            os.close(descriptor)
            raise
        if ready:
            self._descriptor = descriptor
        else:
            os.close(descriptor)
        return ready

    def _read_chunk(self, limit: int) -> list[tuple[bytes, int]]:
        assert self._descriptor is not None
        data = os.pread(self._descriptor, min(CHUNK, _PAGES + limit * _USUAL_BYTES), self._offset)
        found = payloads(data, limit)
        if not found:
            data = os.pread(self._descriptor, MAX_RECORD_BYTES + HEAD.size, self._offset) if data else data
            found = payloads(data, limit)
        pieces = [(payload, self._offset + end) for payload, end in found]
        if pieces:
            self._offset = pieces[-1][1]
        return pieces

    def _refuse_damage(self) -> None:
        assert self._descriptor is not None
        length = os.fstat(self._descriptor).st_size
        if self._offset > length:
            raise LogError(f"log {self._path} has {length} bytes but was read up to {self._offset} before: {ADVICE}")
        if not is_tail(self._descriptor, self._offset):
            raise LogError(f"log {self._path} is damaged at byte {self._offset}: {ADVICE}")


class LogWriter:
    """The one writer of a camera's log. What ``append`` returned from survives the death of the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._length = 0
        self._tally = LogTally()
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
        self._write(HEAD.pack(len(payload), crc32c(payload)) + payload)
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
        if not lock(self._descriptor):
            raise LogError(f"log {self._path} is being written by another process: stop that one first")

    def _recover(self, header: LogHeader) -> None:
        if not has_header(self._descriptor, self._path):
            self._start(header)
            return
        reader = LogReader(self._path)
        try:
            while batch := reader.read(4096):
                for record, _ in batch:
                    self._tally.add(record)
                    if isinstance(record, LogHeader):
                        require_equal(record, header, self._path)
        finally:
            reader.close()
        self._length = reader.offset
        self._cut()

    def _start(self, header: LogHeader) -> None:
        self._cut()
        self._write(MAGIC)
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
