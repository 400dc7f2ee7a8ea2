"""The database under the event store: opened by address, safe for several processes, errors in one line."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pipeline.errors import CannotStart, StoreError
from pipeline.store import postgresql, sqlite
from pipeline.store.address import StoreAddress

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.exc import SQLAlchemyError

logger = logging.getLogger(__name__)

_FIRST_S, _LONGEST_S, _SLICE_S = 0.2, 5.0, 0.2


@dataclass(frozen=True, slots=True)
class Patience:
    """What to do about a server that does not answer, such as one that is being restarted."""

    wait_s: float = 0.0
    """How long to try again before it counts as gone."""
    answer: Callable[[], None] = lambda: None
    """Called meanwhile, several times a second."""


class Database:
    """Transactions on SQLite or PostgreSQL. Before each, a lost connection is made again; one that is lost within a
    transaction ends it, and nothing of it is kept."""

    def __init__(self, engine: "Engine", address: StoreAddress, patience: Patience) -> None:
        self.address = address
        self.is_file = address.is_file
        self._patience = patience
        self._engine = engine
        self._reader = engine if self.is_file else postgresql.reading(engine)
        self._writer = engine.execution_options(writes=True)
        self.name = str(address.path) if self.is_file else postgresql.title(address)
        """For error messages; holds no password."""
        self.path: Path | None = address.path if self.is_file else None
        """The file, where it is SQLite."""
        self._file: tuple[int, int] | None = None
        """Device and number of that file, once it was opened."""

    @classmethod
    def connect(cls, place: StoreAddress | Path | str, patience: Patience | None = None) -> Self:
        """Prepare connections; the first transaction opens one.

        Raises ``StoreError`` for a URL that says nothing, ``CannotStart`` where its driver is missing.
        """
        address = StoreAddress.of(place)
        build = sqlite.sqlite_engine(address.path) if address.is_file else postgresql.postgresql_engine(address)
        return cls(build, address, patience or Patience())

    @contextmanager
    def reading(self) -> Iterator["Connection"]:
        """One transaction that sees one state of the data and changes nothing."""
        with self._transaction(self._reader) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator["Connection"]:
        """One transaction that holds the right to write from its beginning: all of it is kept, or nothing."""
        with self._transaction(self._writer) as connection:
            yield connection

    def survey(self) -> list[str]:
        """Have PostgreSQL look at what lies in large tables, if it has not yet; gives the names of those tables.

        It does so by itself, but not at once, and neither where that is switched off nor after an upgrade of the
        server. Until then it takes an event to have very many messages, and reads all there are for a page of them.
        """
        if self.is_file:
            return []
        with self.reading() as connection:
            tables = postgresql.unknown_tables(connection)
        if not tables:
            return []
        try:
            with self._transaction(self._engine) as connection:
                postgresql.make_statistics(connection, tables)
        except StoreError as error:
            logger.warning("%s; it goes on without having looked at %s, and slower", error, ", ".join(tables))
            return []
        return tables

    def shrink(self) -> None:
        """Have SQLite give free room back to the disk. Raises ``StoreError``."""
        if self.path is None:
            return
        import sqlite3

        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                cursor.execute(statement)
            cursor.close()
        except sqlite3.Error as error:
            raise StoreError(f"event store {self.name}: {sqlite.explain(str(error))}") from error
        finally:
            connection.close()

    def erase(self) -> None:
        """Remove everything that is there."""
        self.close()
        self._file = None
        if self.path is not None:
            for ending in ("", "-wal", "-shm", "-journal"):
                Path(f"{self.path}{ending}").unlink(missing_ok=True)
            return
        with self.writing() as connection:
            connection.exec_driver_sql(f'DROP SCHEMA IF EXISTS "{self.address.name}" CASCADE')

    def close(self) -> None:
        """Close all connections; safe to call twice."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, engine: "Engine") -> Iterator["Connection"]:
        from sqlalchemy.exc import SQLAlchemyError

        self._refuse_another_file()
        connection = self._connected(engine)
        self._refuse_another_file()
        try:
            with connection, connection.begin():
                yield connection
        except SQLAlchemyError as error:
            raise self._told(error)[0] from error

    def _refuse_another_file(self) -> None:
        """SQLite would go on with a file that was deleted, and what is written there is lost."""
        if self.path is None:
            return
        try:
            found = self.path.stat()
        except OSError:
            here = None
        else:
            here = found.st_dev, found.st_ino
        if self._file is not None and here != self._file:
            done = "was replaced by another file" if here else "is gone: somebody deleted or moved it"
            raise StoreError(f"event store {self.name}: {done} while it was in use")
        self._file = here

    def _connected(self, engine: "Engine") -> "Connection":
        """A connection that answers, waited for as long as there is patience."""
        from sqlalchemy.exc import SQLAlchemyError

        began, pause_s, waited = time.monotonic(), _FIRST_S, False
        while True:
            try:
                connection = engine.connect()
            except SQLAlchemyError as error:
                told, passes = self._told(error)
                spent = time.monotonic() - began
                if self.is_file:
                    raise told from error
                if passes and waited and spent + pause_s > self._patience.wait_s:
                    raise StoreError(f"{told}; waited for {spent:.0f} s") from error
                if not passes or not self._patience.wait_s:
                    raise CannotStart(str(told)) from error
                if not waited:
                    logger.warning("%s; trying again for %g s, nothing is lost meanwhile", told, self._patience.wait_s)
                waited = True
                self._pause(pause_s)
                pause_s = min(_LONGEST_S, 2 * pause_s)
                continue
            if waited:
                logger.warning("event store %s: is back after %.1f s", self.name, time.monotonic() - began)
            return connection

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._patience.answer()
            time.sleep(min(left, _SLICE_S))

    def _told(self, error: "SQLAlchemyError") -> tuple[StoreError, bool]:
        """The error in one line; and whether it may be over in a while."""
        text = " ".join(str(getattr(error, "orig", None) or error).split())
        if self.is_file:
            return StoreError(f"event store {self.name}: {sqlite.explain(text)}"), False
        words, passes = postgresql.explain(text, self.address)
        return StoreError(f"event store {self.name}: {words}"), passes
