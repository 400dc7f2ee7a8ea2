"""Where an event store is: a file of SQLite, or a schema of its own in a database of PostgreSQL."""

import json
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from pipeline.errors import StoreError, UsageError
from pipeline.whole_file import write_whole

STORE = "events.db"
"""The store of a folder of results that names no other."""
FILE = "store.json"
"""What names the other."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Which store is meant, and how it is reached."""

    text: str = field(repr=False)
    """Path of a file, or a URL, with the password where it has one."""
    name: str = ""
    """PostgreSQL: the schema that holds this run and no other."""
    folder: Path | None = None
    """The folder of the results that it belongs to."""
    token: str = ""
    """PostgreSQL: what stands in the store of this folder and in no other."""

    @classmethod
    def of(cls, place: "StoreAddress | Path | str") -> "StoreAddress":
        """An address, a path, or a URL, behind whose ``#`` the name of the schema may stand."""
        if isinstance(place, StoreAddress):
            return place
        if isinstance(place, Path) or "://" not in place:
            path = Path(place)
            return cls(str(path), folder=path.parent)
        url, _, name = place.partition("#")
        return cls(url, name)

    @classmethod
    def new(cls, url: str, folder: Path, name: str = "") -> Self:
        """The address of a run that begins: under the name given, else under one that no other run takes."""
        short = re.sub(r"[^a-z0-9]+", "_", folder.name.lower()).strip("_")[:28].strip("_") or "run"
        return cls(url, name or f"bartizan_{short}_{os.urandom(4).hex()}", folder, os.urandom(16).hex())

    @property
    def is_file(self) -> bool:
        """It is a file, not a server."""
        return "://" not in self.text or self.text.startswith("sqlite:")

    @property
    def path(self) -> Path:
        """The file, where it is one."""
        return Path(self.text.partition(":///")[2] if "://" in self.text else self.text)


def write_address(address: StoreAddress, folder: Path) -> None:
    """Note in a folder of results where its store is, without the password. Raises ``OSError``."""
    kept = {"url": without_password(address.text), "name": address.name, "token": address.token}
    write_whole(folder / FILE, [json.dumps(kept, indent=1).encode(), b"\n"])


def find_address(folder: Path, url: str = "") -> StoreAddress:
    """The store of a folder of results: ``events.db`` in there, or the one that ``store.json`` names.

    ``url``: how to reach the server, where it is known; else what ``store.json`` says, and libpq finds the password
    (``PGPASSWORD``, ``~/.pgpass``). Raises ``UsageError`` where that file cannot be read.
    """
    file = folder / FILE
    try:
        kept = json.loads(file.read_bytes())
        return StoreAddress(url or str(kept["url"]), str(kept["name"]), folder, str(kept["token"]))
    except FileNotFoundError:
        return StoreAddress(str(folder / STORE), folder=folder)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{file}: does not say where the event store is; it was changed by hand") from error


def without_password(url: str) -> str:
    """The URL as it may be kept on a disk."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    query = "&".join(each for each in parts.query.split("&") if each and not each.lower().startswith("password="))
    return urlunsplit((parts.scheme, f"{name}@{host}" if name else host, parts.path, query, ""))


def named(address: StoreAddress, name: str) -> StoreAddress:
    """The same server, this schema. Raises ``StoreError`` for a name that is none."""
    if not NAME.fullmatch(name):
        raise StoreError(f"{name!r} is no name of a store: small letters, digits and _, at most 48, a letter first")
    return replace(address, name=name)
