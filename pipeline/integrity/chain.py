"""``chain.jsonl``: a line for each item of evidence, each line bound to the one before it and signed.

Whoever alters, removes or inserts an item, or a line, breaks it. What a chain alone cannot show is that its last lines
were cut off together with what they tell of: keep its head (``bartizan verify`` prints it) somewhere else for that.

On a full disk entries wait, but for those without which nothing may be deleted: room is kept for them.
"""

import os
from collections.abc import Callable, Iterator, KeysView
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipeline.errors import StoreError
from pipeline.file_lock import lock
from pipeline.integrity.entry import FIRST, Entry, Kind
from pipeline.integrity.site_key import SiteKey
from pipeline.integrity.standing_deletions import follow
from pipeline.spare_room import KEEPER, SpareRoom

FILE = KEEPER
FEW = 1000
"""Entries that are read between two calls of ``answer``."""
WAITING: tuple[Kind, ...] = ("event", "file", "release", "refusal")
"""Kinds of entries that leave the room that is kept to the others."""
LONGEST = 2048
"""Bytes of an entry; few are longer."""
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(Entry).decode


class Held(NamedTuple):
    """A file that is there."""

    size: int
    """Bytes."""
    taken: str
    """When it was taken note of: RFC 3339, UTC."""


class Chain:
    """The chain of one folder of results, opened by the one process that adds to it."""

    def __init__(self, out: Path, key: SiteKey | None, answer: Callable[[], None] = lambda: None) -> None:
        """``answer`` is called now and then while it is read. Raises ``StoreError`` for a chain that is damaged or that
        another process adds to. A last line that a kill has torn is dropped."""
        self._path = out / FILE
        self._key = key
        self._last: Entry | None = None
        self.names: set[str] = set()
        """Files that are in it, deleted ones included."""
        self.held: dict[str, Held] = {}
        """Those of them that nobody deleted, in the order in which they came."""
        self._gone: dict[str, None] = {}
        self.site = ""
        """The public key that signs; empty: none does."""
        self.number = 0
        """Of the last event in the store that is in it."""
        self.is_synced = True
        """Whether all entries are on the disk."""
        self.releases = 0
        """Originals that were handed out, or were refused."""
        self._file = self._path.open("ab")
        if not lock(self._file):
            self._file.close()
            raise StoreError(f"{self._path}: another process adds to it; try again when the run is over")
        self._end = self._read(answer)
        if self._end != self._path.stat().st_size:  # this gives up the room that is kept behind it
            self._file.truncate(self._end)
        self._room = SpareRoom(self._file.fileno())
        self._room.take(self._end)
        if self._last is None and key is not None:
            self.add("site", key.public, digest=key.public, size=32, taken="")

    @property
    def gone(self) -> KeysView[str]:
        """Files and messages that were deleted as their owner wished."""
        return self._gone.keys()

    def add(
        self, kind: Kind, name: str, *, digest: str, size: int, taken: str, number: int = 0, note: str = ""
    ) -> Entry:
        """Append an entry; it is on the disk after ``sync``. Raises ``OSError`` if there is no room for it."""
        last = self._last
        entry = Entry(
            n=1 if last is None else last.n + 1,
            prev=FIRST if last is None else last.hash,
            kind=kind,
            name=name,
            sha256=digest,
            size=size,
            taken=taken,
            number=number,
            note=note,
        )
        made = entry.digest
        entry = msgspec.structs.replace(entry, hash=made, signature="" if self._key is None else self._key.sign(made))
        line = _ENCODE(entry) + b"\n"
        if kind in WAITING:
            self.leave_room(len(line))
        self._have(lambda: self._file.write(line))  # all of it, or an ``OSError``
        self._end += len(line)
        self.is_synced = False
        self._note(entry)
        return entry

    def leave_room(self, size: int = LONGEST) -> None:
        """See to it that an entry of that size leaves the room that is kept. Raises ``OSError`` on a full disk."""
        self._room.leave(self._end + size)

    def take_room(self) -> None:
        """Keep room for entries that may not wait, as far as there is any."""
        self._room.take(self._end)

    def sync(self) -> None:
        """Have it on the disk. Raises ``OSError``; what is not there yet is then written the next time."""
        self._have(self._file.flush)
        os.fsync(self._file.fileno())
        self.is_synced = True

    def close(self) -> None:
        """Close the file. Raises ``OSError`` if its end cannot be written; the next process takes note of that anew."""
        try:
            self.sync()
        finally:
            self._file.close()

    def _have(self, written: Callable[[], object]) -> None:
        """Write, if need be with what is kept given up: not every file system lets it be written over."""
        try:
            written()
        except OSError as error:
            if not self._room.give_up(error):
                raise
            written()

    def _note(self, entry: Entry) -> None:
        self._last = entry
        follow(self._gone, entry, None)
        if entry.kind == "event":
            self.number = entry.number
        elif entry.kind == "file":
            self.names.add(entry.name)
            self.held[entry.name] = Held(entry.size, entry.taken)
        elif entry.kind == "tombstone":
            self.held.pop(entry.name, None)
        elif entry.kind == "stayed" and entry.name in self.names:
            self.held[entry.name] = Held(entry.size, entry.taken)
        elif entry.kind in ("release", "refusal"):
            self.releases += 1
        elif entry.kind == "site" and not self.site:
            self.site = entry.name

    def _read(self, answer: Callable[[], None]) -> int:
        """Take in what is there; how many bytes of it are whole lines."""
        end = 0
        with self._path.open("rb") as file:
            for count, line in enumerate(file, 1):
                if count % FEW == 0:
                    answer()
                if not line.endswith(b"\n"):
                    break
                try:
                    self._note(_DECODE(line))
                except msgspec.MsgspecError as error:
                    self._file.close()
                    raise StoreError(
                        f"{self._path}: line {self._last.n + 1 if self._last else 1} is damaged; see bartizan verify"
                    ) from error
                end += len(line)
        return end


def read_chain(path: Path) -> Iterator[Entry | str]:
    """Every line of a chain: the entry, or why it is none."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield _DECODE(line)
            except msgspec.MsgspecError as error:
                yield f"line {number}: {error}"
