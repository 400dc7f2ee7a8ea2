"""The folder of models: what comes in is looked into, verified and stored as a whole, or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from pipeline.errors import CannotStart, UsageError
from pipeline.file_lock import lock
from pipeline.models.download import Download
from pipeline.models.entry import Entry
from pipeline.models.inspection import require_trusted
from pipeline.models.lookup import known, location
from pipeline.models.registry import SHIPPED, changing, models_folder, read, ships
from pipeline.models.verification import digest


def pull(entry: Entry, download: Download, *, trust_first: bool) -> Path:
    """Fetch a model, verify it and store it; the first of its addresses that works.

    Without a pinned digest ``trust_first`` is needed: what arrives is then pinned in the user's registry. A digest says
    that a file is the one that was meant, not that it is harmless: but for models that ship, each is looked into.
    Raises ``CannotStart`` or ``UsageError``; nothing that does not match or cannot be trusted is kept.
    """
    if not entry.urls:
        raise UsageError(f"model {entry.name} has no address that it could be fetched from")
    if not entry.sha256 and not trust_first:
        raise UsageError(f"model {entry.name} has no pinned sha256; to pin what arrives now, say --trust-first")
    target = location(entry)
    part = target.with_name(f".{target.name}.part")
    _make_folder(part.parent)
    with _alone(part.with_suffix(".lock"), entry.name):
        for url in entry.urls:
            try:
                _fetch_verified(entry, url, part, download)
                break
            except CannotStart as error:
                if url == entry.urls[-1]:
                    raise
                download.tell(f"{error}; trying the next address")
        _settle(entry, part, target)
    return target


@contextmanager
def _alone(path: Path, name: str) -> Iterator[None]:
    """Hold a file locked that is made for that. Raises ``CannotStart`` if another process has it."""
    with path.open("wb") as file:
        if not lock(file):
            raise CannotStart(f"model {name} is being pulled by another process")
        yield
        path.unlink(missing_ok=True)


def _fetch_verified(entry: Entry, url: str, part: Path, download: Download) -> None:
    resumed = bool(entry.sha256) and part.exists()  # without a digest, parts of two versions would fit together
    if resumed and digest(part) == entry.sha256:
        return
    download.fetch(url, part, resume=resumed)
    if not entry.sha256:
        return
    found = digest(part)
    if found != entry.sha256 and resumed:
        download.tell("what was kept from last time does not fit; fetching anew")
        download.fetch(url, part, resume=False)
        found = digest(part)
    if found != entry.sha256:
        part.unlink()
        raise CannotStart(f"{url}: sha256 is {found}, pinned is {entry.sha256}; nothing is kept")


def _settle(entry: Entry, part: Path, target: Path) -> None:
    """Give a complete file its name, and pin it if it was not. Raises ``UsageError`` if it cannot be trusted."""
    if not ships(entry):
        try:
            require_trusted(part, called=Path(target.name))
        except UsageError as error:
            part.unlink()
            raise UsageError(f"{error}; nothing is kept") from error
    if not entry.sha256:
        with changing(models_folder()) as mine:
            mine[entry.name] = replace(entry, file=target.name, sha256=digest(part), bytes=part.stat().st_size)
            part.replace(target)
    else:
        part.replace(target)
    _flush(target.parent)


@dataclass(frozen=True, slots=True)
class Added:
    """What ``add`` did."""

    entry: Entry
    path: Path


def add(entry: Entry, source: Path) -> Added:
    """Copy a file into the folder of models and pin it. Raises ``UsageError`` or ``CannotStart``.

    A name that ships is only accepted for the very file that it stands for.
    """
    shipped = read(SHIPPED).get(entry.name)
    if shipped is not None and shipped.sha256:
        if digest(source) != shipped.sha256:
            raise UsageError(
                f"the name {entry.name} ships with Bartizan, and {source} is not that file: "
                f"sha256 {digest(source)}, pinned is {shipped.sha256}; choose another name"
            )
        return Added(shipped, _copied(source, location(shipped)))
    require_trusted(source)
    entry = replace(entry, file=f"{entry.name}{source.suffix}", sha256=digest(source), bytes=source.stat().st_size)
    with changing(models_folder()) as mine:
        if entry.name in mine:
            raise UsageError(f"a model is named {entry.name} already: bartizan models remove {entry.name}")
        path = _copied(source, location(entry))
        if digest(path) != entry.sha256:
            path.unlink()
            raise CannotStart(f"{source} changed while it was copied; nothing is kept")
        mine[entry.name] = entry
    return Added(entry, path)


def register(entry: Entry) -> None:
    """Add an entry whose file is to be pulled. Raises ``UsageError`` if the name is taken."""
    if entry.name in known():
        raise UsageError(f"a model is named {entry.name} already: bartizan models remove {entry.name}")
    with changing(models_folder()) as mine:
        mine[entry.name] = entry


def remove(entry: Entry) -> None:
    """Delete the file, and the user's entry or pin. Raises ``UsageError`` for a bundled model."""
    if entry.bundled:
        raise UsageError(f"model {entry.name} ships with Bartizan and stays")
    with changing(models_folder()) as mine:
        mine.pop(entry.name, None)
        path = location(entry)
        path.unlink(missing_ok=True)
        path.with_name(f".{path.name}.part").unlink(missing_ok=True)


def _copied(source: Path, target: Path) -> Path:
    part = target.with_name(f".{target.name}.part")
    _make_folder(target.parent)
    try:
        shutil.copyfile(source, part)
        _flush(part)
        part.replace(target)
        _flush(target.parent)
    except OSError as error:
        raise CannotStart(f"{target}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"folder of models {folder}: {error.strerror}; set BARTIZAN_MODELS to another") from error


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
