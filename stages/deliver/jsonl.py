"""Sink: a file with one event per line."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from pipeline.errors import DeliveryError
from pipeline.messages import Event
from stages.deliver.options import JsonLinesOptions

_ENCODE = msgspec.json.Encoder(order="deterministic").encode
_TAIL = 8 << 20
"""How far back to look for messages that are there already: only what was written but not yet noted as delivered when
the process died can come a second time, and that is at the end."""
_MOST_SEEN = 100_000


class _Line(msgspec.Struct):
    message_id: str


class JsonLinesSink:
    """Appends events to a file, each once, also after ``kill -9``: an unfinished last line is cut off, and messages
    that the end of the file holds already are acknowledged without being written again."""

    Options = JsonLinesOptions

    def __init__(self, options: JsonLinesOptions) -> None:
        self._options = options
        self._file: BinaryIO | None = None
        self._seen: set[str] = set()

    def send(self, event: Event, *, key: str) -> None:
        """Append one line; when it returns, the line is in the file (and on the disk, with ``fsync``). A file that was
        moved or deleted meanwhile is made anew: what nobody finds is not delivered.

        Raises ``DeliveryError`` when the file cannot be opened or written, or another process has it.
        """
        try:
            if self._file is not None and not is_at(self._options.path, os.fstat(self._file.fileno())):
                self.close()
            file = self._file or self._open()
            if key not in self._seen:
                self._append(file, _ENCODE(event) + b"\n")
                if len(self._seen) >= _MOST_SEEN:
                    self._seen.clear()
                self._seen.add(key)
        except OSError as error:
            raise DeliveryError(f"{self._options.path} cannot be written: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO:
        file = self._options.path.open("a+b", buffering=0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a frozen twin must not write into our lines
            self._seen = _resume(file)
        except BlockingIOError as error:
            if self._options.is_trial:  # each line is appended in one write, so it comes between whole ones
                self._file = file
                return file
            file.close()
            raise DeliveryError(f"{self._options.path} is in use by another process") from error
        except BaseException:
            file.close()
            raise
        self._file = file
        return file

    def _append(self, file: BinaryIO, line: bytes) -> None:
        end = file.seek(0, os.SEEK_END)
        try:
            if file.write(line) != len(line):
                raise OSError("only a part of the line fitted")
            if self._options.fsync:
                os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                file.truncate(end)
            raise


def is_at(path: Path, known: os.stat_result) -> bool:
    """Whether the file of which this is known still lies there."""
    try:
        return os.path.samestat(path.stat(), known)
    except OSError:
        return False


def _resume(file: BinaryIO) -> set[str]:
    """Cut off an unfinished last line; the message ids near the end of the file."""
    end = file.seek(0, os.SEEK_END)
    start = max(end - _TAIL, 0)
    file.seek(start)
    tail = file.read(end - start)
    whole = tail.rfind(b"\n") + 1
    if whole < len(tail) and not _is_event(tail[whole:]):
        file.truncate(start + whole)
    elif whole < len(tail):
        file.write(b"\n")
        whole = len(tail)
    lines = tail[:whole].splitlines()
    return {line.message_id for text in lines if (line := _parsed(text)) is not None}


def _is_event(text: bytes) -> bool:
    return _parsed(text) is not None


def _parsed(text: bytes) -> _Line | None:
    try:
        return msgspec.json.decode(text, type=_Line)
    except msgspec.MsgspecError:
        return None
