"""Opening a store: is it there, of this schema and this analysis? Else it is made, or led on to this schema."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from pipeline.errors import StoreError, UsageError
from pipeline.file_lock import locked_folder
from pipeline.store.database import Database
from pipeline.store.tables import STORE_SCHEMA, Tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

logger = logging.getLogger(__name__)

Facts = dict[str, str]
"""What the table ``meta`` says."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens a store. ``analysis_sha256`` None takes whatever is there, but makes nothing."""

    database: Database
    tables: Tables
    analysis_sha256: str | None
    source_order: Sequence[str] = ()

    def settle(self) -> Facts:
        """The facts of a store that can be used. Raises ``StoreError`` and ``UsageError``."""
        with self.database.reading() as connection:
            facts = self._facts(connection)
        if facts is None or facts.get("schema") != str(STORE_SCHEMA):
            facts = self._bring_up(facts)
        self._check_owner(facts)
        self._check_analysis(facts)
        order = msgspec.json.encode(list(self.source_order)).decode()
        if self.source_order and facts["source_order"] != order:
            self._note("source_order", order)
            facts["source_order"] = order
        return facts

    def refuse_strangers(self) -> None:
        """Raise ``UsageError`` where there is a store of another folder of results."""
        if self.database.address.token:
            with self.database.reading() as connection:
                facts = self._facts(connection)
            if facts is not None:
                self._check_owner(facts)

    def _bring_up(self, facts: Facts | None) -> Facts:
        if facts is None and self.analysis_sha256 is None:
            is_other = self.database.path is not None and self.database.path.stat().st_size
            instead = "is a database, but no event store of Bartizan" if is_other else "there is none"
            raise StoreError(f"event store {self.database.name}: {instead}")
        if facts is not None:
            self._check_schema(facts)
        with self._owned(), self.database.writing() as connection:
            facts = self._facts(connection)  # others may have been here meanwhile
            if facts is None:
                return self._make(connection)
            found = self._check_schema(facts)
            if found < STORE_SCHEMA:
                self._migrate(connection, found)
                facts["schema"] = str(STORE_SCHEMA)
            return facts

    def _make(self, connection: "Connection") -> Facts:
        from sqlalchemy import insert

        if not self.database.is_file:
            connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{self.database.address.name}"')
        self.tables.metadata.create_all(connection, checkfirst=False)
        facts = {"schema": str(STORE_SCHEMA), "analysis_sha256": self.analysis_sha256 or "", "source_order": "[]"}
        if self.database.address.token:
            facts["token"] = self.database.address.token
        connection.execute(insert(self.tables.meta), [{"key": key, "value": value} for key, value in facts.items()])
        connection.execute(insert(self.tables.versions), {"version_num": str(STORE_SCHEMA)})
        return facts

    def _migrate(self, connection: "Connection", found: int) -> None:
        from pipeline.store.migration import migrate

        logger.info("event store %s: is of schema %d and is led to %d", self.database.name, found, STORE_SCHEMA)
        migrate(connection, found, STORE_SCHEMA)
        logger.info("event store %s: led from schema %d to %d", self.database.name, found, STORE_SCHEMA)

    @contextmanager
    def _owned(self) -> Iterator[None]:
        """Keep runs away from the folder meanwhile. Who names an analysis is part of the run that has it already."""
        folder = self.database.address.folder
        if self.analysis_sha256 is not None:
            yield
            return
        if folder is None:
            raise StoreError(f"event store {self.database.name}: of an older schema; name the folder of its results")
        with locked_folder(folder) as is_ours:
            if not is_ours:
                raise StoreError(
                    f"event store {self.database.name}: is of an older schema, and a run of that version is using it; "
                    "try again when it is over"
                )
            yield

    def _facts(self, connection: "Connection") -> Facts | None:
        from sqlalchemy import inspect, select

        if not inspect(connection).has_table("meta"):
            return None
        return {row.key: row.value for row in connection.execute(select(self.tables.meta))}

    def _note(self, key: str, value: str) -> None:
        from sqlalchemy import update

        meta = self.tables.meta
        with self.database.writing() as connection:
            connection.execute(update(meta).where(meta.c.key == key).values(value=value))

    def _check_schema(self, facts: Facts) -> int:
        """The number of the schema, if this version can lead on from it."""
        said = facts.get("schema", "?")
        if not said.isdecimal() or not 1 <= int(said) <= STORE_SCHEMA:
            newer = "; it was written by a newer version of Bartizan: install that one" if said.isdecimal() else ""
            raise StoreError(
                f"event store {self.database.name}: its schema is {said}, this version reads {STORE_SCHEMA}{newer}"
            )
        return int(said)

    def _check_owner(self, facts: Facts) -> None:
        token = self.database.address.token
        if token and facts.get("token") != token:
            raise UsageError(
                f"event store {self.database.name}: belongs to another folder of results; take another store.name"
            )

    def _check_analysis(self, facts: Facts) -> None:
        wanted, found = self.analysis_sha256, facts.get("analysis_sha256", "?")
        if wanted is not None and found != wanted:
            raise UsageError(
                f"{self.database.name} holds events of another analysis ({found}, not {wanted}): "
                "take another --out, or --overwrite to erase it"
            )
