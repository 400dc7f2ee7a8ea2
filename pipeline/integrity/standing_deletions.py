"""Which deletions a chain tells of still stand.

One that was noted is taken back where the store kept the event after all, and is over where the file was made again.
"""

from collections.abc import MutableMapping
from typing import TypeVar

from pipeline.integrity.entry import Entry

Said = TypeVar("Said")


def follow(deleted: MutableMapping[str, Said], entry: Entry, said: Said) -> None:
    """Keep ``deleted``, files and messages by name with what is ``said`` of each, up with one more entry."""
    if entry.kind == "tombstone":
        deleted[entry.name] = said
    elif entry.kind in ("stayed", "file"):
        deleted.pop(entry.name, None)
