"""The journal of a classify process: what it answered about one camera, for the alert process to read.

Framed as the log is (``journal.framing``), the first record an ``AnswersHeader``. One process writes; its torn tail is
cut off by its successor. An answer that stands twice counts once: the first.
"""

import os
from pathlib import Path
from typing import Self, TypeAlias

import msgspec
from crc32c import crc32c

from pipeline.errors import LogError
from pipeline.file_lock import lock
from pipeline.journal.framing import ADVICE, HEAD, MAX_RECORD_BYTES, is_tail, payloads
from pipeline.messages import SCHEMA, Answer, AnswersHeader

MAGIC = b"BZANS\x00\x01\n"
_PIECE = 1 << 20
Entry: TypeAlias = AnswersHeader | Answer

_encode = msgspec.msgpack.Encoder().encode
_decode: msgspec.msgpack.Decoder[Entry] = msgspec.msgpack.Decoder(Entry)


class AnswersReader:
    """Follows a journal, which may not exist yet and may be growing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self.offset = 0
        """Up to where it has been read."""

    def read(self) -> list[Entry]:
        """What has come since. Raises ``LogError`` for a file that is no journal, or damaged before its tail."""
        if self._descriptor < 0:
            try:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return []
            except OSError as error:
                raise LogError(f"answers {self._path} cannot be opened: {error.strerror}") from error
        if self.offset == 0 and not self._begins():
            return []
        found: list[Entry] = []
        while pieces := self._pieces():
            found += [self._decoded(payload) for payload, _ in pieces]
            self.offset += pieces[-1][1]
        if not is_tail(self._descriptor, self.offset):
            raise LogError(f"answers {self._path} are damaged at byte {self.offset}: {ADVICE}")
        return found

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _begins(self) -> bool:
        magic = os.pread(self._descriptor, len(MAGIC), 0)
        if not MAGIC.startswith(magic):
            raise LogError(f"{self._path} is no journal of answers: move it away, or choose another output directory")
        if magic == MAGIC:
            self.offset = len(MAGIC)
        return magic == MAGIC

    def _pieces(self) -> list[tuple[bytes, int]]:
        data = os.pread(self._descriptor, _PIECE, self.offset)
        pieces = payloads(data, len(data))
        if not pieces and len(data) == _PIECE:
            pieces = payloads(os.pread(self._descriptor, MAX_RECORD_BYTES + HEAD.size, self.offset), 1)
        return pieces

    def _decoded(self, payload: bytes) -> Entry:
        try:
            return _decode.decode(payload)
        except msgspec.MsgspecError as error:
            raise LogError(f"answers {self._path} were written by another version: {error}; {ADVICE}") from error


class AnswersWriter:
    """The one writer of a journal. What ``append`` returned from survives the death of the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self.length = 0

    @classmethod
    def open(cls, path: Path, header: AnswersHeader) -> Self:
        """Create the journal, or go on with it, its torn tail cut off.

        Raises ``LogError`` if it is another classifier's, is damaged, or is being written by another process.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LogError(f"answers {path} cannot be opened: {error.strerror}") from error
        writer = cls(path, descriptor)
        try:
            writer._recover(header)
        except BaseException:
            os.close(descriptor)
            raise
        return writer

    def append(self, *answers: Answer) -> None:
        """Write answers. Raises ``LogError`` when they cannot be written; then none of them is there."""
        self._write(b"".join(_framed(answer) for answer in answers))

    def sync(self) -> None:
        """Wait until all answers lie on the disk."""
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Flush to the disk and close; safe to call twice."""
        if self._descriptor >= 0:
            self.sync()
            os.close(self._descriptor)
            self._descriptor = -1

    def _recover(self, header: AnswersHeader) -> None:
        if not lock(self._descriptor):
            raise LogError(f"answers {self._path} are being written by another process: stop that one first")
        reader = AnswersReader(self._path)
        try:
            entries = reader.read()
        finally:
            reader.close()
        self.length = reader.offset if entries else 0
        os.ftruncate(self._descriptor, self.length)
        if not entries:
            self._write(MAGIC + _framed(header))
        elif entries[0] != header:
            raise LogError(f"answers {self._path} are {_difference(entries[0], header)}; {ADVICE}")

    def _write(self, data: bytes) -> None:
        try:
            written = os.pwrite(self._descriptor, data, self.length)
        except OSError as error:
            os.ftruncate(self._descriptor, self.length)
            raise LogError(f"answers {self._path} cannot be written: {error.strerror}") from error
        if written < len(data):
            os.ftruncate(self._descriptor, self.length)
            raise LogError(f"answers {self._path} cannot be written: no space left on device")
        self.length += written


def _framed(entry: Entry) -> bytes:
    payload = _encode(entry)
    return HEAD.pack(len(payload), crc32c(payload)) + payload


def _difference(found: Entry, wanted: AnswersHeader) -> str:
    if not isinstance(found, AnswersHeader):
        return "damaged: they do not begin with a header"
    if found.schema != SCHEMA:
        return f"of schema {found.schema}, this version has {SCHEMA}"
    pairs = {name: (getattr(found, name), getattr(wanted, name)) for name in AnswersHeader.__struct_fields__}
    return "another's: " + "; ".join(f"{name} is {a!r}, not {b!r}" for name, (a, b) in pairs.items() if a != b)
