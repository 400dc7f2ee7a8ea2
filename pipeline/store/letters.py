"""The outbox as people look at it: what waits, what was given up and why; and what was given up, sent again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.store.database import Database
from pipeline.store.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select, Table

DIGEST = "digest"
STATES = ("pending", "delivered", "dead", "merged", "held")
"""Of a message at a sink; the last two are the governor's."""
UNSETTLED = ("pending", "dead")
"""Those that have not reached their sink."""
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """A message on its way to a sink, or what became of it."""

    message_id: str
    event_id: str
    """Empty for a digest, as are camera and name."""
    type: str
    """``start``, ``update``, ``end`` or ``digest``."""
    camera: str
    name: str
    severity: str
    sink: str
    state: str
    since_ns: int
    """UTC at which it was put in."""
    attempts: int
    """Failed attempts."""
    first_attempt_ns: int | None
    """UTC of the first failed attempt."""
    next_attempt_ns: int
    """UTC before which nothing is tried; 0: at once."""
    settled_ns: int | None
    last_error: str


@dataclass(frozen=True, slots=True)
class Left:
    """Messages of a sink that have not reached it, and why."""

    sink: str
    state: str
    """``pending`` or ``dead``."""
    reason: str
    """What was said at the last attempt; empty: none was made, for they wait behind others of their camera."""
    count: int


class Letters:
    """Reads messages and digests alike, and sends dead letters again."""

    def __init__(self, database: Database, tables: Tables) -> None:
        self._database = database
        self._tables = tables

    def page(self, *, states: Collection[str], sinks: Collection[str] = (), limit: int | None = None) -> list[Letter]:
        """Those in these states, for these sinks (none: all), in the order in which they are sent; digests last."""
        found: list[Letter] = []
        for statement, columns in self._selects():
            fits = [columns.state.in_(states), *([columns.sink.in_(sinks)] if sinks else [])]
            ordered = statement.where(*fits).order_by(columns.number)
            ordered = ordered if limit is None else ordered.limit(limit - len(found))
            with self._database.reading() as connection:
                found += [Letter(*row) for row in connection.execute(ordered)]
        return found

    def left(self, sinks: Collection[str] = ()) -> list[Left]:
        """What has not reached its sink, counted by sink, state and reason; most first."""
        from sqlalchemy import func, select

        counts: dict[tuple[str, str, str], int] = {}
        for table in self._boxes():
            key = (table.c.sink, table.c.state, table.c.last_error)
            statement = select(*key, func.count()).where(table.c.state.in_(UNSETTLED)).group_by(*key)
            if sinks:
                statement = statement.where(table.c.sink.in_(sinks))
            with self._database.reading() as connection:
                for sink, state, reason, count in connection.execute(statement):
                    counts[sink, state, reason] = counts.get((sink, state, reason), 0) + count
        found = [Left(*key, count) for key, count in counts.items()]
        return sorted(found, key=lambda left: (left.sink, left.state != "pending", not left.reason, -left.count))

    def resend(self, *, sinks: Collection[str] = (), event_ids: Sequence[str] | None = None) -> dict[str, int]:
        """Have dead letters tried again at once, with all their patience; how many, by sink.

        ``event_ids``: those of these events, no digests; None: all. The attempts that were made stay counted. What a
        governor held back since it went the way of such a message is decided anew.
        """
        from sqlalchemy import func, select, update

        tables = self._boxes() if event_ids is None else [self._tables.outbox]
        pages = [None] if event_ids is None else [event_ids[at : at + _PAGE] for at in range(0, len(event_ids), _PAGE)]
        again = {"state": "pending", "first_attempt_ns": None, "next_attempt_ns": 0, "settled_ns": None}
        counts: dict[str, int] = {}
        with self._database.writing() as connection:
            for page in pages:
                self._undecide(connection, sinks, page)
            for table in tables:
                for page in pages:
                    fits = self._dead(table, sinks, page)
                    counted = select(table.c.sink, func.count()).where(*fits).group_by(table.c.sink)
                    for sink, count in connection.execute(counted).all():
                        counts[sink] = counts.get(sink, 0) + count
                    connection.execute(update(table).where(*fits).values(**again))
        return counts

    def try_anew(self, sink: str) -> None:
        """Have what waits for another attempt at this sink tried now, with all its patience: the clock was set, and
        the times that stand here say nothing any more."""
        from sqlalchemy import update

        with self._database.writing() as connection:
            for table in self._boxes():
                waits = (table.c.sink == sink, table.c.state == "pending", table.c.attempts > 0)
                connection.execute(update(table).where(*waits).values(first_attempt_ns=None, next_attempt_ns=0))

    def sinks(self) -> list[str]:
        """Names of all sinks that something was for."""
        from sqlalchemy import select

        found: set[str] = set()
        for table in self._boxes():
            with self._database.reading() as connection:
                found.update(connection.execute(select(table.c.sink).distinct()).scalars())
        return sorted(found)

    # ---- inside

    def _undecide(self, connection: "Connection", sinks: Collection[str], event_ids: Sequence[str] | None) -> None:
        """Put back what was held back because its event's first message lies dead."""
        from sqlalchemy import delete, select, tuple_, update

        outbox, events, decisions = self._tables.outbox, self._tables.events, self._tables.decisions
        dead = select(outbox.c.sink, events.c.event_id).select_from(outbox.join(events))
        dead = dead.where(*self._dead(outbox, sinks, event_ids))
        columns = decisions.c
        followed = (
            columns.verdict == "held",
            columns.role == "follow",
            tuple_(columns.sink, columns.event_id).in_(dead),
        )
        rows = connection.execute(select(columns.number, columns.sink, columns.message_id).where(*followed)).all()
        for row in rows:
            mine = (outbox.c.message_id == row.message_id, outbox.c.sink == row.sink, outbox.c.state == "held")
            connection.execute(update(outbox).where(*mine).values(state="pending", settled_ns=None))
            connection.execute(delete(decisions).where(columns.number == row.number))

    def _boxes(self) -> "list[Table]":
        return [self._tables.outbox, self._tables.digests]

    def _dead(
        self, table: "Table", sinks: Collection[str], event_ids: Sequence[str] | None
    ) -> "list[ColumnElement[bool]]":
        from sqlalchemy import select

        fits: list[ColumnElement[bool]] = [table.c.state == "dead"]
        if sinks:
            fits.append(table.c.sink.in_(sinks))
        if event_ids is not None:
            events = self._tables.events.c
            fits.append(table.c.message_id.in_(select(events.message_id).where(events.event_id.in_(event_ids))))
        return fits

    def _selects(self) -> "list[tuple[Select[Any], Any]]":
        from sqlalchemy import literal, select

        events, outbox, digests = self._tables.events, self._tables.outbox, self._tables.digests
        tries = ("attempts", "first_attempt_ns", "next_attempt_ns", "settled_ns", "last_error")
        of_event = select(
            outbox.c.message_id, events.c.event_id, events.c.type, events.c.camera, events.c.name, events.c.severity,
            outbox.c.sink, outbox.c.state, events.c.committed_ns, *(outbox.c[name] for name in tries),
        ).select_from(outbox.join(events))  # fmt: skip
        nothing = literal("")
        own = select(
            digests.c.message_id, nothing, literal(DIGEST), nothing, nothing, nothing,
            digests.c.sink, digests.c.state, digests.c.made_ns, *(digests.c[name] for name in tries),
        )  # fmt: skip
        return [(of_event, outbox.c), (own, digests.c)]
