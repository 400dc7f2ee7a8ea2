"""The event store on SQLite: write-ahead log, every commit on the disk, one writer at a time."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_BUSY_S = 10
_PRAGMAS = (f"PRAGMA busy_timeout={_BUSY_S * 1000}", "PRAGMA foreign_keys=ON")
_WRITABLE = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL")
"""FULL, because in WAL mode NORMAL may lose the last commits when the power goes."""


def sqlite_engine(path: Path) -> "Engine":
    """Connections to a file, which is made by the first one. Where it cannot be written it can be read."""
    from sqlalchemy import URL, create_engine, event

    query, is_writable = _query(path), True
    if query:
        url, is_writable = URL.create("sqlite", database=f"file:{quote(str(path))}", query=query), False
    else:
        url = URL.create("sqlite", database=str(path))
    engine = create_engine(url)
    event.listen(engine, "connect", lambda connection, _record: _prepare(connection, is_writable=is_writable))
    event.listen(engine, "begin", _begin)
    return engine


def _query(path: Path) -> dict[str, str]:
    """How a file is opened that lies where nothing can be written, such as on a disk that was handed over."""
    if not path.exists() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return {}
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size:
        return {"mode": "ro", "uri": "true"}  # somebody is writing, or was killed: what is in the log counts
    return {"mode": "ro", "immutable": "1", "uri": "true"}


def _prepare(connection: Any, *, is_writable: bool) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late: at the first INSERT
    cursor = connection.cursor()
    for pragma in (*_PRAGMAS, *(_WRITABLE if is_writable else ())):
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: "Connection") -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def explain(text: str) -> str:
    """What SQLite said, and what to do about it."""
    for words, told in _WORDS.items():
        if words in text:
            return told.format(text=text)
    return text


_WORDS = {
    "not a database": "the file is damaged ({text}); move it away or start anew with --overwrite",
    "malformed": "the file is damaged ({text}); move it away or start anew with --overwrite",
    "unable to open": "cannot be opened ({text}); its folder must exist and be writable",
    "readonly": "cannot be written ({text}); the file, its folder or its disk is read-only",
    "locked": f"another process has been writing to it for more than {_BUSY_S} s ({{text}}); try again",
    "is full": "no room is left on its disk ({text})",
    "disk I/O": "cannot be read or written ({text}); is its disk full, or damaged?",
}
"""By what is in it."""
