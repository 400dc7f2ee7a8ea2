"""One entry of a registry: a name, the file it stands for, and what is known of it."""

from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct

NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
SHA256 = r"^[0-9a-f]{64}$"

Name = Annotated[str, Meta(pattern=NAME)]


class Entry(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Weights that go by a name. Raises ``ValueError`` when it contradicts itself."""

    name: Name
    licence: Annotated[str, Meta(min_length=1)]
    """SPDX identifier where there is one."""
    task: Annotated[str, Meta(min_length=1)]
    """What the model does: detect, classify, behaviour, embed."""
    file: str = ""
    """Where it lies: from the installation's root if it is bundled, else from the folder of models."""
    bundled: bool = False
    """It ships with Bartizan."""
    urls: tuple[str, ...] = ()
    """Where ``pull`` may fetch it; tried in this order."""
    sha256: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")] = ""
    """Digest of the file as lower-case hex; empty until somebody pinned it."""
    bytes: Annotated[int, Meta(ge=0)] = 0
    """Size of the file; 0 if not known."""
    classes: tuple[str, ...] = ()
    description: str = ""
    source: str = ""
    """Who made it, or the page that describes it."""

    def __post_init__(self) -> None:
        if not self.file and not self.urls:
            raise ValueError(f"{self.name}: neither file nor urls")
        if self.bundled and not (self.file and self.sha256):
            raise ValueError(f"{self.name}: a bundled model needs file and sha256")
        path = PurePosixPath(self.file)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{self.name}: file {self.file!r} leaves its folder")
        for url in self.urls:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"{self.name}: {url!r} is no http(s) address")
            if parts.username or parts.password:
                raise ValueError(f"{self.name}: an address must not hold a password")

    @property
    def stored_as(self) -> str:
        """Path of the file within its root: ``file``, or the name with the address's suffix."""
        return self.file or f"{self.name}{PurePosixPath(urlsplit(self.urls[0]).path).suffix}"
