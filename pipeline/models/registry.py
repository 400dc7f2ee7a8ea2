"""Registry files: the one that ships, and the user's own beside the weights that were pulled or added."""

import fcntl
import json
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from pipeline.errors import CannotStart
from pipeline.models.entry import Entry
from pipeline.whole_file import write_whole

SHIPPED = Path(__file__).with_name("registry.toml")
ROOT = Path(__file__).resolve().parents[2]
"""What the paths of bundled files start from: the repository, or the site-packages it is installed in."""
HEADING = b"# Written by `bartizan models`. One table for each model.\n"


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    models: tuple[Entry, ...] = ()


def models_folder() -> Path:
    """Where pulled and added weights lie: ``BARTIZAN_MODELS``, else the user's data folder (XDG). May not exist."""
    named = os.environ.get("BARTIZAN_MODELS")
    base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return Path(named) if named else base / "bartizan" / "models"


def read(path: Path) -> dict[str, Entry]:
    """The entries of a registry file by name; none if the file is not there. Raises ``CannotStart``."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"registry {path} cannot be read: {error}") from error
    try:
        document = msgspec.convert(tomllib.loads(text), _Document)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise CannotStart(f"registry {path}: {error}") from error
    found = {entry.name: entry for entry in document.models}
    if len(found) != len(document.models):
        raise CannotStart(f"registry {path}: a name stands twice in it")
    return found


def ships(entry: Entry) -> bool:
    """Whether the very file of this entry is pinned in the registry that ships. Raises ``CannotStart``."""
    shipped = read(SHIPPED).get(entry.name)
    return shipped is not None and shipped.sha256 != "" and shipped.sha256 == entry.sha256


def write(path: Path, entries: dict[str, Entry]) -> None:
    """Replace a registry file as a whole. Raises ``OSError``."""
    tables = (_table(entry) for _, entry in sorted(entries.items()))
    write_whole(path, [HEADING, *(table.encode() for table in tables)])


def _table(entry: Entry) -> str:
    # A JSON string, array, number or boolean is also one of TOML, but for the character DEL.
    values = {key: json.dumps(value, ensure_ascii=False) for key, value in msgspec.to_builtins(entry).items()}
    return "\n[[models]]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()).replace("\x7f", "\\u007f")


@contextmanager
def changing(folder: Path) -> Iterator[dict[str, Entry]]:
    """The user's entries, to be changed in place; written back when the block ends without an error.

    Others who change them wait. Raises ``CannotStart`` if the folder cannot be written.
    """
    path = folder / "registry.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(f"folder of models {folder}: {error.strerror}; set BARTIZAN_MODELS to another") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = read(path)
        yield entries
        write(path, entries)
    except OSError as error:
        raise CannotStart(f"registry {path} cannot be written: {error.strerror}") from error
    finally:
        os.close(lock)
