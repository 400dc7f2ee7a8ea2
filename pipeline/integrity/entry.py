"""One link of the chain."""

import json
from hashlib import sha256
from typing import Literal

import msgspec

Kind = Literal["site", "event", "file", "tombstone", "stayed", "release", "refusal"]
FIRST = "0" * 64
"""What stands for the entry before the first one."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Says what one item was when it was taken note of, and which entry came before."""

    n: int
    """Counts from 1."""
    prev: str
    """``hash`` of the entry before, or ``FIRST``."""
    kind: Kind
    """``site``: the public key that signs. ``event``: a message. ``file``: what lies in the results. ``tombstone``: a
    file or a message that was deleted as its owner wished. ``stayed``: one whose tombstone does not hold, since the
    store kept its event. ``release``: an original that somebody was given. ``refusal``: one that was asked
    for with a key that does not open it."""
    name: str
    """Key, ``message_id``, or path within the results."""
    sha256: str
    """Of the item."""
    size: int
    """Bytes."""
    taken: str
    """When it was taken note of: RFC 3339, UTC."""
    number: int = 0
    """Of an event: its place in the event store."""
    note: str = ""
    """Of a tombstone, or of what stayed: why. Of a release or a refusal: by whom, where to, and with which key."""
    hash: str = ""
    """sha256 of everything above."""
    signature: str = ""
    """Of ``hash``, by the key of the site; empty where there is none."""

    @property
    def digest(self) -> str:
        """What ``hash`` must be: sha256 over a JSON array of the values above it, in order, without spaces, ASCII."""
        values = [getattr(self, name) for name in self.__struct_fields__ if name not in ("hash", "signature")]
        return sha256(json.dumps(values, separators=(",", ":"), ensure_ascii=True).encode()).hexdigest()
