"""Deleting evidence as its owner wishes: first a tombstone in the chain, on the disk, and only then the file.

Whatever kills the process in between, the chain says what was to go, and the next one removes what is left of it: but
for events that the store has kept, since their transaction failed, and their files. Of those the chain says that they
stay.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.integrity.chain import Chain
from pipeline.integrity.release import originals_of
from pipeline.store.rows import StoredEvent, readable

logger = logging.getLogger(__name__)

FOLDERS = ("media", "recordings", "originals")
"""Within the results; nothing else is ever removed."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A file or a message that is to go."""

    name: str
    """Path within the results, or ``message_id``."""
    size: int
    """Bytes."""
    why: str


def note_deletions(chain: Chain, wishes: Iterable[Wish], taken: str) -> None:
    """Add a tombstone for each that has none, and have them on the disk. ``taken``: now, RFC 3339."""
    for wish in wishes:
        if wish.name not in chain.gone:
            chain.add("tombstone", wish.name, digest="", size=wish.size, taken=taken, note=wish.why)
    chain.sync()


def belonging(out: Path, name: str) -> tuple[str, ...]:
    """A file that an event names, and what may lie there with it: notes, originals."""
    stem = str(Path(name).with_suffix(""))
    return name, f"{stem}.json", f"{stem}.missing", *originals_of(out, name)


def note_stayed(out: Path, chain: Chain, kept: Mapping[str, StoredEvent], taken: str) -> None:
    """Take back the tombstones of messages that the store has ``kept``, by their names in the chain, and of their
    files that are there. Now is ``taken``, RFC 3339."""
    found: dict[str, int] = {}
    for message, stored in kept.items():
        found[message] = len(stored.body.encode())
        paths = (path for event in readable([stored]) for path in event.evidence.values())
        names = (name for path in paths for name in belonging(out, path) if name in chain.gone)
        found |= {name: (out / name).stat().st_size for name in names if (out / name).is_file()}
    for name, size in found.items():
        chain.add("stayed", name, digest="", size=size, taken=taken, note="its event was not deleted: that failed")
    if found:
        chain.sync()
        logger.warning("%d events and files that were to be deleted stay: deleting their events failed", len(found))


def remove(out: Path, names: Sequence[str], answer: Callable[[], None] = lambda: None) -> list[str]:
    """Remove files that have a tombstone; those that could not be. ``answer`` is called between two."""
    left = []
    for name in names:
        if not _is_evidence(name):
            continue
        try:
            (out / name).unlink(missing_ok=True)
        except OSError as error:
            logger.warning("%s: cannot be deleted: %s", name, error.strerror)
            left.append(name)
        answer()
    return left


def finish(out: Path, chain: Chain, answer: Callable[[], None] = lambda: None) -> list[str]:
    """Remove what a killed process left of what was to go; those that could not be."""
    there = []
    for name in chain.gone:
        if _is_evidence(name) and (out / name).is_file():
            there.append(name)
        answer()
    return remove(out, there, answer)


def _is_evidence(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return len(parts) > 1 and parts[0] in FOLDERS and ".." not in parts
