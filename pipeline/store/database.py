"""The database under the event store: opened by URL or path, safe for several processes, errors in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pipeline.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.exc import SQLAlchemyError

_SQLITE_PRAGMAS = (
    "PRAGMA busy_timeout=10000",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)
"""FULL, because in WAL mode NORMAL may lose the last commits when the power goes."""


class Database:
    """Transactions on SQLite (write-ahead log, every commit on the disk) or on what else a URL names."""

    def __init__(self, engine: "Engine", name: str, path: Path | None) -> None:
        self._engine = engine
        self._writer = engine.execution_options(writes=True)
        self.name = name
        """For error messages; holds no password."""
        self.path = path
        """The file, where it is SQLite."""

    @classmethod
    def connect(cls, url_or_path: str | Path) -> Self:
        """Prepare connections; the first transaction opens one. Raises ``StoreError`` for a URL that says nothing."""
        from sqlalchemy import URL, create_engine, event, make_url
        from sqlalchemy.exc import SQLAlchemyError

        text = str(url_or_path)
        try:
            url = make_url(text) if "://" in text else URL.create("sqlite", database=text)
            engine = create_engine(url)
        except (SQLAlchemyError, ImportError) as error:
            raise StoreError(f"event store cannot be opened: {type(error).__name__} in its URL or driver") from error
        if url.get_backend_name() != "sqlite":
            return cls(engine, url.render_as_string(hide_password=True), None)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return cls(engine, str(url.database), Path(str(url.database)))

    @contextmanager
    def reading(self) -> Iterator["Connection"]:
        """One transaction that sees one state of the data and changes nothing."""
        with self._transaction(self._engine) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator["Connection"]:
        """One transaction that holds the right to write from its beginning: all of it is kept, or nothing."""
        with self._transaction(self._writer) as connection:
            yield connection

    def erase(self) -> None:
        """Remove everything that is there."""
        self.close()
        if self.path is not None:
            for ending in ("", "-wal", "-shm", "-journal"):
                Path(f"{self.path}{ending}").unlink(missing_ok=True)
            return
        from pipeline.store.tables import store_tables

        with self.writing() as connection:
            store_tables().metadata.drop_all(connection)

    def close(self) -> None:
        """Close all connections; safe to call twice."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, engine: "Engine") -> Iterator["Connection"]:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(f"event store {self.name}: {_one_line(error)}") from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late: at the first INSERT
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: "Connection") -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _one_line(error: "SQLAlchemyError") -> str:
    cause = str(getattr(error, "orig", None) or error)
    text = " ".join(cause.split())
    if "not a database" in text or "malformed" in text:
        return f"the file is damaged ({text}); move it away or start anew with --overwrite"
    if "unable to open" in text:
        return f"cannot be opened ({text}); its folder must exist and be writable"
    return text
