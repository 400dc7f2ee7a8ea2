"""Is everything as it was when it was taken note of? Each item that is not is named."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pipeline.errors import UsageError
from pipeline.file_digest import file_sha256
from pipeline.integrity.chain import FILE, read_chain
from pipeline.integrity.entry import FIRST, Entry
from pipeline.integrity.recorded_files import UNDER_WAY
from pipeline.integrity.release import ORIGINALS
from pipeline.integrity.site_key import is_signed_by
from pipeline.integrity.standing_deletions import follow
from pipeline.integrity.witness import RECORDINGS, name_of
from pipeline.store.event_store import EventStore

MEDIA = "media"
Fault = Literal["altered", "missing", "inserted", "chain"]


@dataclass(frozen=True, slots=True)
class Finding:
    """An item that is not as it was."""

    fault: Fault
    """``altered``, ``missing``, ``inserted``: of an item. ``chain``: of the chain itself."""
    name: str
    """Path within the results, ``event MESSAGE_ID``, or the line of the chain."""
    about: str


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An event or a file that was deleted as its owner wished."""

    name: str
    """Path within the results, or ``event MESSAGE_ID``."""
    size: int
    """Bytes."""
    taken: str
    """When: RFC 3339, UTC."""
    why: str


@dataclass(slots=True)
class Verified:
    """What a look at a folder of results showed."""

    key: str = ""
    """Public key of the site; empty: nothing is signed."""
    head: str = ""
    """``hash`` of the last entry: who keeps it elsewhere can tell later whether the end was cut off."""
    entries: int = 0
    events: int = 0
    files: int = 0
    deleted: int = 0
    """Events and files that were deleted as their owner wished."""
    tombstones: list[Tombstone] = field(default_factory=list)
    """What is said of each of them, in the order in which they were to go."""
    left: list[str] = field(default_factory=list)
    """Those of them that are still there, as they were: the process was killed before it could remove them."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def verify(out: Path, store: EventStore, *, key: str = "") -> Verified:
    """Hold everything in a folder of results against its chain.

    ``key``: the public key that must have signed it; empty: the one that the chain names. Reads every file once.
    Raises ``UsageError`` where there is no chain.
    """
    path = out / FILE
    if not path.is_file():
        raise UsageError(f"{out}: has no {FILE}; name the results of a run of this version with integrity.enabled")
    verified = Verified()
    events, files, gone = _read(path, verified, key)
    verified.findings += _events(store, events, gone, verified.left)
    verified.findings += _files(out, files, gone, verified.left)
    verified.events, verified.files, verified.deleted = len(events), len(files), len(gone)
    verified.tombstones = [
        Tombstone(f"event {name}" if name in events else name, each.size, each.taken, each.note)
        for name, each in gone.items()
    ]
    return verified


def _read(path: Path, verified: Verified, key: str) -> tuple[dict[str, Entry], dict[str, Entry], dict[str, Entry]]:
    events: dict[str, Entry] = {}
    files: dict[str, Entry] = {}
    gone: dict[str, Entry] = {}
    last: Entry | None = None
    for entry in read_chain(path):
        if isinstance(entry, str):
            verified.findings.append(Finding("chain", FILE, f"{entry}: is no entry"))
            continue
        if entry.kind == "site" and not verified.key:
            verified.key = entry.name
        verified.findings += _links(entry, last, key or verified.key)
        if entry.kind == "event":
            events[entry.name] = entry
        elif entry.kind == "file":
            files[entry.name] = entry
        follow(gone, entry, entry)
        last, verified.head, verified.entries = entry, entry.hash, verified.entries + 1
    if key and key != verified.key:
        verified.findings.insert(0, Finding("chain", FILE, f"was signed by {verified.key or 'nobody'}, not by {key}"))
    return events, files, gone


def _links(entry: Entry, last: Entry | None, key: str) -> Iterator[Finding]:
    """What is wrong with one line: its own digest, its place, its signature."""
    where = f"{FILE} line {entry.n}"
    if entry.digest != entry.hash:
        yield Finding("chain", where, f"was altered ({entry.kind} {entry.name})")
    if entry.prev != (FIRST if last is None else last.hash) or entry.n != (1 if last is None else last.n + 1):
        before = "the beginning" if last is None else f"line {last.n}"
        yield Finding("chain", where, f"does not follow on {before}: lines were removed, inserted or altered there")
    if key and not is_signed_by(key, entry.hash, entry.signature):
        yield Finding("chain", where, f"is not signed by the key of the site ({entry.kind} {entry.name})")


def _events(
    store: EventStore, entries: dict[str, Entry], gone: dict[str, Entry], still: list[str]
) -> Iterator[Finding]:
    left = dict(entries)
    for stored in store.events("commit"):
        name = name_of(stored)
        entry = left.pop(name, None)
        if entry is None:
            yield Finding("inserted", f"event {name}", "is in the event store and not in the chain")
        elif sha256(stored.body.encode()).hexdigest() != entry.sha256:
            yield Finding("altered", f"event {name}", f"is not what it was at {entry.taken}")
        elif name in gone:
            still.append(f"event {name}")
    for name, entry in left.items():
        if name in gone:
            continue
        yield Finding("missing", f"event {name}", f"was in the event store at {entry.taken}")


def _files(out: Path, entries: dict[str, Entry], gone: dict[str, Entry], still: list[str]) -> Iterator[Finding]:
    for name, entry in entries.items():
        path = out / name
        if not path.is_file():
            if name in gone:
                continue
            yield Finding("missing", name, f"was there at {entry.taken}, {entry.size} bytes")
            continue
        if file_sha256(path) != entry.sha256:
            yield Finding("altered", name, f"is not what it was at {entry.taken}")
        elif name in gone:
            still.append(name)
    for folder in (MEDIA, RECORDINGS, ORIGINALS):
        for path in sorted((out / folder).rglob("*")):
            name = path.relative_to(out).as_posix()
            if path.is_file() and not UNDER_WAY.search(path.name) and name not in entries:
                yield Finding("inserted", name, "lies there and is not in the chain")
