"""Which events' evidence must stay, whatever room it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.store.database import Database
from pipeline.store.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """How an event stands."""

    severity: str
    needed: str
    """Why its evidence must stay: ``open``, ``protected``, ``not delivered``; empty: it may go."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time of an event whose evidence must stay, UTC in ns."""

    camera: str
    started_ns: int
    ended_ns: int | None
    """None while it is open."""


class Keeping:
    """Reads from one store what must stay."""

    def __init__(self, database: Database, tables: Tables) -> None:
        self._database = database
        self._tables = tables

    def standing(self, event_ids: Sequence[str]) -> dict[str, Standing]:
        """By id, those that are there. A message that waits for a sink needs its evidence, a dead one no longer."""
        from sqlalchemy import and_, exists, select

        alarms, events, outbox = self._tables.alarms, self._tables.events, self._tables.outbox
        mine = and_(events.c.event_id == alarms.c.event_id, outbox.c.message_id == events.c.message_id)
        waits: ColumnElement[bool] = exists().where(mine, outbox.c.state == "pending")
        columns = (alarms.c.event_id, alarms.c.severity, alarms.c.ended_ns, alarms.c.protected, waits.label("waits"))
        found: dict[str, Standing] = {}
        with self._database.reading() as connection:
            for start in range(0, len(event_ids), _PAGE):
                page = select(*columns).where(alarms.c.event_id.in_(event_ids[start : start + _PAGE]))
                for row in connection.execute(page):
                    is_open = row.ended_ns is None
                    needed = "protected" if row.protected else "open" if is_open else "not delivered" * row.waits
                    found[row.event_id] = Standing(row.severity, needed)
        return found

    def stretches(self) -> list[Stretch]:
        """Of every event that is open or protected."""
        from sqlalchemy import select

        columns = self._tables.alarms.c
        statement = select(columns.camera, columns.started_ns, columns.ended_ns)
        with self._database.reading() as connection:  # each along an index of its own
            found = {row for which in (columns.ended_ns.is_(None), columns.protected)
                     for row in connection.execute(statement.where(which)).all()}  # fmt: skip
        return [Stretch(*row) for row in found]
