"""``events.jsonl``, the ungoverned record of a run, rendered from the event store: one message per line."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from pipeline.errors import StoreError
from pipeline.store.event_store import EventStore
from pipeline.whole_file import write_whole

_TAIL = 1 << 16


class _Line(msgspec.Struct):
    message_id: str


def render_events(store: EventStore, path: Path, *, source_order: Sequence[str] = ()) -> int:
    """Write all messages, ordered by source order, media time and ordinal; gives their number.

    The same events give the same bytes. ``source_order`` defaults to the store's; cameras that it leaves out come
    last, by name. The file is replaced as a whole. Raises ``StoreError`` and ``OSError``.
    """
    count = 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        for stored in store.events("content", source_order=source_order):
            count += 1
            yield stored.body.encode() + b"\n"

    write_whole(path, lines())
    return count


class EventAppender:
    """``events.jsonl`` of a live run, in the order of commits, each message once.

    A line that a killed process left unfinished is cut off; the last whole line says where to go on, so nothing is
    doubled and nothing left out. One process writes; it is the owner of the file.
    """

    def __init__(self, store: EventStore, path: Path) -> None:
        self._store = store
        self._file: BinaryIO = path.open("a+b")
        try:
            self._after = _resume(store, self._file, path)
        except BaseException:
            self._file.close()
            raise

    def catch_up(self) -> int:
        """Append what was committed since; gives the number of lines."""
        count = 0
        for stored in self._store.events("commit", after=self._after):
            self._file.write(stored.body.encode() + b"\n")
            self._after = stored.number
            count += 1
        self._file.flush()
        return count

    def close(self) -> None:
        """Flush to the disk and close, whatever fails; safe to call twice."""
        if not self._file.closed:
            with closing(self._file):
                self._file.flush()
                os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _resume(store: EventStore, file: BinaryIO, path: Path) -> int:
    """Cut off the unfinished end; the number of the last message in the file, 0 if it has none.

    Where messages were deleted from the store, the last one that it still has: those behind it in the file, and no
    others, were committed after it and are gone.
    """
    end = file.seek(0, os.SEEK_END)
    is_whole = True
    while line := _last_line(file, end):
        message_id = _message_of(line)
        if message_id is None and is_whole:
            end = file.truncate(end - len(line))
            continue
        is_whole = False
        stored = store.event(message_id or "")
        if stored is not None:
            return stored.number
        if not store.is_pruned:
            raise StoreError(
                f"{path} ends with message {message_id}, which the event store does not hold; move it away"
            )
        end -= len(line)
    return 0


def _message_of(line: bytes) -> str | None:
    """The id in a line; None where the line is not whole."""
    if not line.endswith(b"\n"):
        return None
    try:
        return msgspec.json.decode(line, type=_Line).message_id
    except msgspec.MsgspecError:
        return None


def _last_line(file: BinaryIO, end: int) -> bytes:
    """The last line before ``end`` with its newline, or what stands after the last newline; empty at the beginning."""
    start, tail = end, b""
    while start and b"\n" not in tail[:-1]:
        step = min(_TAIL, start)
        start -= step
        file.seek(start)
        tail = file.read(step) + tail
    return tail[tail.rfind(b"\n", 0, -1) + 1 :] if tail else b""
