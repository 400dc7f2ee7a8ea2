"""The event store on SQLite: write-ahead log, every commit on the disk, one writer at a time."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_PRAGMAS = (
    "PRAGMA busy_timeout=10000",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)
"""FULL, because in WAL mode NORMAL may lose the last commits when the power goes."""


def sqlite_engine(path: Path) -> "Engine":
    """Connections to a file, which is made by the first one."""
    from sqlalchemy import URL, create_engine, event

    engine = create_engine(URL.create("sqlite", database=str(path)))
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late: at the first INSERT
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: "Connection") -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def explain(text: str) -> str:
    """What SQLite said, and what to do about it."""
    if "not a database" in text or "malformed" in text:
        return f"the file is damaged ({text}); move it away or start anew with --overwrite"
    if "unable to open" in text:
        return f"cannot be opened ({text}); its folder must exist and be writable"
    return text
