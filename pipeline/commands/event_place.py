"""Which event store a command is asked about: a folder of results, a configuration, a file of SQLite, or a URL."""

from pathlib import Path

from pipeline.configuration.kept_place import noted_configuration
from pipeline.configuration.loading import load
from pipeline.configuration.suggestions import listed
from pipeline.errors import UsageError
from pipeline.store.address import FILE, STORE, StoreAddress, find_address, named
from pipeline.store.event_store import EventStore
from pipeline.store.runs import runs_in


def open_place(place: str) -> EventStore:
    """The store, opened to be looked at. Raises ``UsageError`` where there is none, and what opening raises."""
    return EventStore.open(_address(place), analysis_sha256=None)


def key_file(place: str) -> Path | None:
    """The file of the site's key, where the configuration of the run names one.

    ``place`` is that configuration, or a folder of results that says where it is. Raises ``UsageError``."""
    path = Path(place)
    if path.suffix in (".yml", ".yaml") and path.is_file():
        config = load(path).config
        return None if config.integrity.key is None else config.base / config.integrity.key
    try:
        noted = noted_configuration(path)
        return None if noted is None else key_file(str(noted))
    except UsageError:
        return None  # it may be gone, or want what is not set here: the user did not name it


def _address(place: str) -> StoreAddress:
    if "://" in place:
        return _on_server(StoreAddress.of(place))
    path = Path(place)
    if path.suffix in (".yml", ".yaml") and path.is_file():
        config = load(path).config
        return _in_folder(config.out, config.store.url.get_secret_value() if config.store.url else "")
    if path.is_file():
        return StoreAddress.of(path)
    return _in_folder(path)


def _in_folder(folder: Path, url: str = "") -> StoreAddress:
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; name the results of a run, its configuration, or a URL")
    if not any((folder / name).is_file() for name in (STORE, FILE)):
        raise UsageError(f"{folder}: has no event store ({STORE} or {FILE}); name the folder of a run's results")
    return find_address(folder, url)


def _on_server(address: StoreAddress) -> StoreAddress:
    """The run that is meant: the one that is named behind ``#``, or the only one that there is."""
    if address.is_file or address.name:
        return address if address.is_file else named(address, address.name)
    found = runs_in(address)
    if len(found) != 1:
        names = f"it has {listed(found)}: name one, URL#NAME" if found else "it has none"
        raise UsageError(f"which run of this database is meant? {names}")
    return named(address, found[0])
