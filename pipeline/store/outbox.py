"""The outbox in the event store: what is still on its way to a sink, and what became of the rest."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.clock import Clock
from pipeline.store.database import Database
from pipeline.store.rows import OutboxRow
from pipeline.store.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import FromClause, Select, Table
    from sqlalchemy.sql.base import ReadOnlyColumnCollection

Counts = dict[str, dict[str, int]]
"""Outbox rows by sink and state: ``{"hook": {"pending": 2, "delivered": 40, "dead": 0}}``."""


class Outbox:
    """Reads what may be sent and writes what became of it. Only pending rows ever change."""

    def __init__(self, database: Database, tables: Tables, clock: Clock, *, table: "Table | None" = None) -> None:
        """``table``: where the rows are; else ``outbox``."""
        self._database = database
        self._tables = tables
        self._table = tables.outbox if table is None else table
        self._clock = clock

    def pending(self, sink: str, now_ns: int, limit: int) -> list[OutboxRow]:
        """Rows of all cameras whose oldest pending row may be tried now, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(self._select_pending(), {"sink": sink, "now": now_ns, "most": limit}).all()
        return [OutboxRow(*row) for row in rows]

    def delivered(self, row: OutboxRow) -> None:
        """Acknowledged."""
        self._update(row, state="delivered", settled_ns=self._clock.wall_ns())

    def failed(self, row: OutboxRow, error: str, next_attempt_ns: int) -> None:
        """Not acknowledged; to be tried again."""
        first = row.first_attempt_ns or self._clock.wall_ns()
        counted = {"attempts": row.attempts + 1, "first_attempt_ns": first, "last_error": _storable(error)}
        self._update(row, next_attempt_ns=next_attempt_ns, **counted)

    def dead(self, row: OutboxRow, error: str) -> None:
        """Given up."""
        now = self._clock.wall_ns()
        first = row.first_attempt_ns or now
        counted = {"attempts": row.attempts + 1, "first_attempt_ns": first, "last_error": _storable(error)}
        self._update(row, state="dead", settled_ns=now, **counted)

    def hasten(self, sink: str) -> None:
        """Have what waits for its next attempt tried now."""
        from sqlalchemy import update

        columns = self._table.c
        late = (columns.sink == sink, columns.state == "pending", columns.next_attempt_ns > 0)
        with self._database.writing() as connection:
            connection.execute(update(self._table).where(*late).values(next_attempt_ns=0))

    def counts(self) -> Counts:
        """Rows by sink and state; of those that the governor stopped, the state is its verdict."""
        from sqlalchemy import func, select

        outbox = self._table
        statement = select(outbox.c.sink, outbox.c.state, func.count()).group_by(outbox.c.sink, outbox.c.state)
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        counts: Counts = {}
        for sink, state, count in rows:
            counts.setdefault(sink, {"pending": 0, "delivered": 0, "dead": 0})[state] = count
        return counts

    def waiting(self, sinks: Sequence[str]) -> dict[str, int]:
        """Rows of these sinks that are not settled: looks at no others."""
        from sqlalchemy import func, select

        columns = self._table.c
        count = select(func.count()).select_from(self._table).where(columns.state == "pending")
        with self._database.reading() as connection:
            return {sink: connection.execute(count.where(columns.sink == sink)).scalar_one() for sink in sinks}

    def _select_pending(self) -> "Select[Any]":
        """One index look-up for each camera, however long the backlog."""
        from sqlalchemy import bindparam, literal, select, true

        outbox, events, readers = self._tables.outbox, self._tables.events, self._tables.readers
        line = outbox.alias("line")
        mine = (line.c.sink == bindparam("sink"), line.c.state == literal("pending"), line.c.camera == readers.c.camera)
        in_line = select(line).where(*mine).order_by(line.c.number).correlate(readers)
        head_is_due = in_line.with_only_columns(line.c.next_attempt_ns).limit(1).scalar_subquery() <= bindparam("now")
        first = in_line.with_only_columns(line.c.number).limit(bindparam("most"))
        rows: FromClause
        columns: ReadOnlyColumnCollection[str, Any]
        if self._database.is_file:  # SQLite has no LATERAL, and looks numbers up by their index
            rows, columns = readers.join(outbox, outbox.c.number.in_(first)), outbox.c
        else:
            lateral = in_line.limit(bindparam("most")).lateral("first")
            rows, columns = readers.join(lateral, true()), lateral.c
        return (
            select(columns.number, columns.sink, columns.camera, columns.message_id, columns.attempts)
            .add_columns(columns.first_attempt_ns, columns.next_attempt_ns, columns.last_error, events.c.body)
            .select_from(rows.join(events, events.c.message_id == columns.message_id))
            .where(head_is_due)
            .order_by(columns.number)
            .limit(bindparam("most"))
        )

    def _update(self, row: OutboxRow, **values: object) -> None:
        from sqlalchemy import update

        outbox = self._table
        with self._database.writing() as connection:
            pending = (outbox.c.number == row.number, outbox.c.state == "pending")
            connection.execute(update(outbox).where(*pending), values)


def _storable(text: str) -> str:
    """What a receiver said, as every database takes it: PostgreSQL keeps no NUL, and neither keeps half a character."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()
