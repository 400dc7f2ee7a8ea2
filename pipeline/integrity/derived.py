"""``derived.json``: what was made for a package, of which the chain cannot tell, and what it was made from.

Each statement is signed by the key of the site, if whoever exports has it.
"""

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from pipeline.integrity.site_key import SiteKey

FILE = "derived.json"


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """Says what a file was made from."""

    path: str
    """Within the package."""
    sha256: str
    source: str
    """Path within the results; the chain tells of it."""
    source_sha256: str
    made: str
    """RFC 3339, UTC."""
    version: str
    """Of Bartizan."""
    note: str
    """What was done."""
    signature: str = ""
    """Of ``digest``; empty where nobody had the key of the site."""

    @property
    def digest(self) -> str:
        """sha256 over a JSON array of ``derived`` and the values above ``signature``, without spaces, ASCII."""
        values = ["derived", *(getattr(self, name) for name in self.__struct_fields__ if name != "signature")]
        return sha256(json.dumps(values, separators=(",", ":"), ensure_ascii=True).encode()).hexdigest()

    def signed(self, key: SiteKey | None) -> "Statement":
        """The same, signed where there is a key."""
        return self if key is None else msgspec.structs.replace(self, signature=key.sign(self.digest))


def write_derived(folder: Path, statements: Sequence[Statement]) -> None:
    """Write them into a package; no file where there are none. Raises ``OSError``."""
    if statements:
        (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(statements), indent=1) + b"\n")
