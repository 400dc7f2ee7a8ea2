"""Sink: a table in a SQLite database of the user's own, one row per message, ready for queries."""

import os
import sqlite3

import msgspec

from pipeline.errors import DeliveryError
from pipeline.messages import Event
from stages.deliver.jsonl import is_at
from stages.deliver.options import SqliteOptions

_COLUMNS = {
    "message_id": "TEXT PRIMARY KEY",
    "id": "TEXT NOT NULL",
    "type": "TEXT NOT NULL",
    "camera": "TEXT NOT NULL",
    "rule": "TEXT NOT NULL",
    "name": "TEXT NOT NULL",
    "severity": "TEXT NOT NULL",
    "media_time": "REAL NOT NULL",
    "started": "REAL NOT NULL",
    "wall_time": "TEXT",
    "frame": "INTEGER NOT NULL",
    "reason": "TEXT NOT NULL",
    "class": "TEXT",
    "track_id": "INTEGER",
    "confidence": "REAL",
    "x1": "REAL",
    "y1": "REAL",
    "x2": "REAL",
    "y2": "REAL",
    "snapshot": "TEXT",
    "event": "TEXT NOT NULL",
}
"""``x1`` to ``y2`` are pixels; ``event`` is the whole message as JSON."""


class SqliteSink:
    """Writes each message to its row; a message that comes again replaces its own row."""

    Options = SqliteOptions

    def __init__(self, options: SqliteOptions) -> None:
        self._options = options
        self._connection: sqlite3.Connection | None = None
        self._known: os.stat_result | None = None
        """Of the file, while it is open."""
        names = ", ".join(f'"{name}"' for name in _COLUMNS)
        changes = ", ".join(f'"{name}" = excluded."{name}"' for name in _COLUMNS if name != "message_id")
        self._statement = (
            f'INSERT INTO "{options.table}" ({names}) VALUES ({", ".join("?" * len(_COLUMNS))}) '
            f"ON CONFLICT (message_id) DO UPDATE SET {changes}"
        )

    def send(self, event: Event, *, key: str) -> None:
        """Write one row; when it returns, the row is on the disk. A file that was moved or deleted meanwhile is made
        anew: what nobody finds is not delivered.

        Raises ``DeliveryError`` when the file cannot be opened, is no database, is locked, or has a table of that name
        with other columns.
        """
        try:
            if self._known is not None and not is_at(self._options.path, self._known):
                self.close()
            connection = self._connection or self._open()
            with connection:
                connection.execute(self._statement, _values(event, key))
        except (sqlite3.Error, OSError) as error:
            self.close()
            name = f"{self._options.path}, table {self._options.table}"
            raise DeliveryError(f"{name}: cannot be written: {' '.join(str(error).split())}") from error

    def close(self) -> None:
        """Close the database; safe to call twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = self._known = None

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._options.path, timeout=10)
        columns = ", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())
        try:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f'CREATE TABLE IF NOT EXISTS "{self._options.table}" ({columns})')
            self._known = self._options.path.stat()
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection


def _values(event: Event, key: str) -> list[object]:
    seen = event.object
    return [
        key,
        event.id,
        event.type,
        event.camera,
        event.rule,
        event.name,
        event.severity,
        event.media_time,
        event.started,
        event.wall_time,
        event.frame,
        event.reason,
        *((None,) * 7 if seen is None else (seen.class_name, seen.track_id, seen.confidence, *seen.box_px)),
        event.evidence.get("snapshot"),
        msgspec.json.encode(event).decode(),
    ]
