"""Events that their owner deletes: tombstones in the chain first, then the events, then what lies on the disk."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.clock import Clock
from pipeline.errors import UsageError
from pipeline.integrity.chain import FILE, read_chain
from pipeline.integrity.deletion import Wish, belonging, note_deletions, remove
from pipeline.integrity.entry import Entry
from pipeline.integrity.site_key import VARIABLE, SiteKey, key_path
from pipeline.integrity.standing_deletions import follow
from pipeline.integrity.witness import Witness
from pipeline.store.event_store import EventStore
from pipeline.store.rows import StoredEvent, readable
from pipeline.wall import rfc3339


class Undertaker:
    """Told of messages before they are deleted, it notes that in the chain; in the end it removes their files."""

    def __init__(self, out: Path, witness: Witness | None, clock: Clock, *, why: str, with_media: bool) -> None:
        """``witness`` None: there is no chain. ``with_media``: their clips and snapshots go, too."""
        self._out = out
        self._witness = witness
        self._clock = clock
        self._why = why
        self._with_media = with_media
        self._files: dict[str, int] = {}
        """What is to be removed, with its bytes."""

    def tell(self, messages: Sequence[StoredEvent]) -> None:
        """The next ones."""
        wishes = [Wish(each.message_id, len(each.body.encode()), self._why) for each in messages]
        if self._with_media:
            files = self._files_of(messages)
            self._files |= files
            wishes += [Wish(name, size, self._why) for name, size in files.items()]
        if self._witness is not None:
            if any(each.number > self._witness.chain.number for each in messages):
                self._witness.catch_up()  # they came meanwhile
            note_deletions(self._witness.chain, wishes, rfc3339(self._clock.wall_ns()))

    def remove_files(self, answer: Callable[[], None] = lambda: None) -> tuple[int, int]:
        """When the events are gone: how many files went, and their bytes. ``answer`` is called between two."""
        left = remove(self._out, list(self._files), answer)
        gone = [size for name, size in self._files.items() if name not in left]
        return len(gone), sum(gone)

    def _files_of(self, messages: Sequence[StoredEvent]) -> dict[str, int]:
        """What lies there of them, notes included."""
        names: dict[str, None] = {}
        for event in readable(messages):
            for name in event.evidence.values():
                names |= dict.fromkeys(belonging(self._out, name))
        here = ((name, self._out / name) for name in names if name not in self._files)
        return {name: path.stat().st_size for name, path in here if path.is_file()}


@contextmanager
def undertaker(
    out: Path, store: EventStore, clock: Clock, *, why: str, with_media: bool, key: Path | None = None
) -> Iterator[Undertaker]:
    """One for a folder of results, whose chain nobody else adds to meanwhile. ``key``: the file of the key that signs
    it, where it is not the usual one.

    Raises ``StoreError`` while a run does, ``UsageError`` where the key that signs it is not at hand.
    """
    if not has_chain(out):
        yield Undertaker(out, None, clock, why=why, with_media=with_media)
        return
    with Witness(out, store, _key_of(out, key), clock) as witness:
        witness.catch_up()
        yield Undertaker(out, witness, clock, why=why, with_media=with_media)


def has_chain(out: Path) -> bool:
    """Whether there is one that has to be told."""
    return (out / FILE).is_file()


def deletions_of(out: Path | None, names: Collection[str]) -> dict[str, str]:
    """Of these files those that were deleted as their owner wished: when, and why."""
    if out is None or all((out / name).exists() for name in names):
        return {}
    found: dict[str, Entry] = {}
    for entry in _entries(out):
        if entry.name in names:
            follow(found, entry, entry)
    gone = ((name, entry) for name, entry in found.items() if not (out / name).exists())
    return {name: f"deleted {entry.taken}: {entry.note}" for name, entry in gone}


def _entries(out: Path) -> Iterator[Entry]:
    path = out / FILE
    found = read_chain(path) if path.is_file() else ()
    return (entry for entry in found if isinstance(entry, Entry))


def _key_of(out: Path, given: Path | None) -> SiteKey | None:
    """The key that signs the chain; None for one that nobody signs."""
    first = next(_entries(out), None)
    if first is None or first.kind != "site":
        return None
    path = given or key_path()
    key = SiteKey.load(path) if path.exists() else None
    if key is None or key.public != first.name:
        raise UsageError(
            f"{out / FILE}: is not signed by the key {path}: name the file of the right one in {VARIABLE}, or, where "
            "integrity.key says it, that configuration in place of the folder"
        )
    return key
