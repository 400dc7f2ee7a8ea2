"""From a name to the verified file on this machine. Nothing here fetches anything."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from pipeline.errors import CannotStart
from pipeline.models.entry import Entry
from pipeline.models.registry import ROOT, SHIPPED, models_folder, read
from pipeline.models.verification import verify


def entries() -> tuple[Entry, ...]:
    """All models that are known by name, the shipped ones first. Raises ``CannotStart`` for a damaged registry."""
    return tuple(known().values())


def is_name(text: str) -> bool:
    """Whether a model goes by this name. A path of the same spelling is meant by ``./NAME``."""
    return "/" not in text and text in known()


def find(name: str) -> Path:
    """The file of a model, its SHA-256 verified in this process.

    Raises ``CannotStart``: no such name, not on this machine, or not the file that was pinned.
    """
    entry = entry_of(name)
    path = location(entry)
    if not path.is_file():
        raise CannotStart(missing(entry))
    if not entry.sha256:
        raise CannotStart(f"model {name} has no digest yet: bartizan models pull {name} --trust-first")
    verify(name, path, entry.sha256)
    return path


def known() -> Mapping[str, Entry]:
    """By name. Of two entries of one name the shipped one holds; the user's may only pin a digest it lacks."""
    shipped = read(SHIPPED)
    merged = dict(shipped)
    for name, entry in read(models_folder() / "registry.toml").items():
        if name not in shipped or not shipped[name].sha256:
            merged[name] = entry
    return merged


def entry_of(name: str) -> Entry:
    """The entry of this name. Raises ``CannotStart`` if there is none."""
    models = known()
    if name not in models:
        near = get_close_matches(name, models, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(models)}"
        raise CannotStart(f"no model is named {name!r}; {hint} See: bartizan models list")
    return models[name]


def location(entry: Entry) -> Path:
    """Where the file of this model lies, or would lie once it was pulled."""
    return (ROOT if entry.bundled else models_folder()) / entry.stored_as


def missing(entry: Entry) -> str:
    """One line for a model whose file is not there."""
    if entry.bundled:
        return f"model {entry.name} ships with Bartizan, but {location(entry)} is not there: install Bartizan again"
    if entry.urls:
        return f"model {entry.name} is not on this machine: bartizan models pull {entry.name}"
    return f"model {entry.name}: {location(entry)} is gone; bring it back, or: bartizan models remove {entry.name}"
