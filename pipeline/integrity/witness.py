"""Takes note of every event and every file of evidence, as they come."""

import logging
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Self

from pipeline.clock import Clock
from pipeline.errors import CannotStart, DamagedEvent
from pipeline.file_digest import file_sha256
from pipeline.integrity.chain import Chain
from pipeline.integrity.deletion import finish, note_stayed
from pipeline.integrity.entry import Kind
from pipeline.integrity.recorded_files import RecordedFiles
from pipeline.integrity.release import noted_releases, originals_of
from pipeline.integrity.site_key import SiteKey, key_path
from pipeline.messages import Event
from pipeline.store.event_store import EventStore
from pipeline.store.rows import StoredEvent, readable
from pipeline.wall import rfc3339

logger = logging.getLogger(__name__)

RECORDINGS = "recordings"
"""Folder of what is recorded all the time."""
CLIP = ".mp4"
FEW = 1000
"""Messages that are looked at between two calls of ``answer``."""


def witness(
    out: Path, store: EventStore, key: str | None, clock: Clock, answer: Callable[[], None] = lambda: None
) -> "Witness":
    """One that signs with the key of the site: the one in the file ``key``, or the usual one.

    Raises ``CannotStart`` if the file named cannot be read; without the usual one nothing is signed, and that is said.
    """
    try:
        signing = SiteKey.load(Path(key) if key else key_path())
    except CannotStart as error:
        if key:
            raise
        logger.warning("evidence is not signed: %s", error)
        signing = None
    return Witness(out, store, signing, clock, answer)


def name_of(stored: StoredEvent) -> str:
    """Of a message, in the chain: as it says, or where it cannot be read any more as its row says."""
    try:
        return stored.event.message_id
    except DamagedEvent:
        return stored.message_id


class Witness:
    """Adds to the chain of a folder of results what is new there."""

    def __init__(
        self, out: Path, store: EventStore, key: SiteKey | None, clock: Clock, answer: Callable[[], None] = lambda: None
    ) -> None:
        """``answer`` is called between two files, and now and then while messages and the chain are read."""
        self._out = out
        self._store = store
        self._clock = clock
        self._answer = answer
        self._recordings = RecordedFiles(out, RECORDINGS, clock)
        self._chain = Chain(out, key, answer)
        self.owners: dict[str, tuple[str, str]] = {}
        """Camera and id of the event that names a file."""
        self._waiting: dict[str, str] = {}
        """Files that events name and that are not there yet, in order, with the one that must be there before."""
        kept: dict[str, StoredEvent] = {}
        for stored in self._messages():
            if stored.number > self._chain.number:
                break
            for event in readable([stored]):
                self._expect(event)
            if self._chain.gone and (name := name_of(stored)) in self._chain.gone:
                kept[name] = stored
        try:
            note_stayed(out, self._chain, kept, self._now())
        except OSError as error:
            logger.warning("nothing that was to go is removed: the chain cannot be written: %s", error.strerror)
        else:
            finish(out, self._chain, answer)

    @property
    def chain(self) -> Chain:
        """What it adds to, and nobody else."""
        return self._chain

    def catch_up(self) -> int:
        """Take note of what is new; how many entries that makes. Raises ``OSError`` if the chain cannot be written:
        what is missing in it is then added the next time."""
        self._chain.take_room()
        added = sum(self._events()) + sum(self._files()) + sum(self._releases())
        if not self._chain.is_synced:
            self._chain.sync()
        return added

    def close(self) -> None:
        """Close the chain."""
        self._chain.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _messages(self, *, after: int = 0) -> Iterator[StoredEvent]:
        for count, stored in enumerate(self._store.events("commit", after=after), 1):
            if count % FEW == 0:
                self._answer()
            yield stored

    def _events(self) -> Iterator[int]:
        for stored in self._messages(after=self._chain.number):
            body = stored.body.encode()
            digest = sha256(body).hexdigest()
            name = name_of(stored)
            self._chain.add("event", name, digest=digest, size=len(body), taken=self._now(), number=stored.number)
            for event in readable([stored]):
                self._expect(event)
            yield 1

    def _files(self) -> Iterator[int]:
        for name, first in list(self._waiting.items()):
            if first and not (self._settled(first) or first in self._chain.names):
                continue
            if found := self._settled(name):
                yield from (self._take(each) for each in found if each not in self._chain.names)
                del self._waiting[name]
        yield from (self._take(name) for name in self._recordings.fresh(self._chain.names))

    def _releases(self) -> Iterator[int]:
        for note, line in noted_releases(self._out)[self._chain.releases :]:
            kind: Kind = "refusal" if note.refused else "release"
            digest = sha256(line).hexdigest()
            self._chain.add(kind, note.name, digest=digest, size=len(line), taken=note.at, note=note.about)
            yield 1

    def _settled(self, name: str) -> list[str]:
        """The files that stand for what an event names, once they are whole: it, or a note that says why not."""
        stem = str(Path(name).with_suffix(""))
        if (self._out / f"{stem}.missing").is_file():
            return [f"{stem}.missing"]
        if name.endswith(CLIP):  # whole when the note beside it is there
            return [name, f"{stem}.json"] if (self._out / f"{stem}.json").is_file() else []
        if not (self._out / name).is_file():
            return []
        return [*originals_of(self._out, name), name]  # they are written before it

    def _take(self, name: str) -> int:
        path = self._out / name
        self._chain.leave_room()  # else the file would be read again and again while the disk is full
        try:
            digest = file_sha256(path)
            size = path.stat().st_size
        except OSError as error:
            logger.warning("%s: cannot be taken note of: %s", name, error.strerror)
            return 0
        self._chain.add("file", name, digest=digest, size=size, taken=self._now())
        self._answer()
        return 1

    def _expect(self, event: Event) -> None:
        """What an event names is there later."""
        for kind, name in event.evidence.items():
            self.owners[name] = event.camera, event.id
            if not self._chain.names.intersection((name, str(Path(name).with_suffix(".missing")))):
                # what is alone of a crop may go: the picture is written last
                self._waiting[name] = event.evidence.get("best", "") if kind == "crop" else ""

    def _now(self) -> str:
        return rfc3339(self._clock.wall_ns())
