"""Deleting old events with all that belongs to them, a few at a time, beside a run that goes on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.store.catalogue import Wanted, conditions
from pipeline.store.choice import is_one_of_many
from pipeline.store.database import Database
from pipeline.store.kinds import forget_unused
from pipeline.store.rows import StoredEvent
from pipeline.store.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

PRUNED = "pruned"
"""The key in ``meta`` under which the number of messages stands that were deleted."""
_BATCH = 500
_WINDOW = 5000
"""Events that are looked at for each few that are deleted: a step takes no longer however many of them stay."""
Tell = Callable[[Sequence[StoredEvent]], None]


def _nobody(_messages: Sequence[StoredEvent]) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was deleted, or would be, and what was old enough and stays."""

    events: int
    messages: int
    protected: int
    undelivered: int
    """A message waits for a sink, lies dead, or for a digest that tells of it."""
    open: int
    """Older than the others by their start, and not over."""


class Pruning:
    """Deletes events that ended before ``before_ns`` (UTC). The newest message of the store stays, with its event:
    ``events.jsonl`` of a live run goes on behind it."""

    def __init__(
        self, database: Database, tables: Tables, wanted: Wanted, *, before_ns: int, with_dead: bool = False
    ) -> None:
        """``with_dead``: dead letters count as settled."""
        self._database = database
        self._tables = tables
        self._wanted = wanted
        self._before_ns = before_ns
        self._with_dead = with_dead

    def count(self) -> Pruned:
        """What would be deleted now."""
        from sqlalchemy import func, select

        alarms = self._tables.alarms
        counted = select(func.count(), func.coalesce(func.sum(alarms.c.messages), 0)).select_from(alarms)
        meant = self._meant()
        old = alarms.c.ended_ns < self._before_ns
        cases: dict[str, list[ColumnElement[bool]]] = {
            "protected": [old, alarms.c.protected.is_(True)],
            "undelivered": [old, alarms.c.protected.is_(False), self._undelivered()],
            "open": [alarms.c.ended_ns.is_(None), alarms.c.started_ns < self._before_ns],
        }
        with self._database.reading() as connection:
            events, messages = connection.execute(counted.where(*meant, *self._deletable())).one()
            kept = {name: connection.execute(counted.where(*meant, *each)).one()[0] for name, each in cases.items()}
        return Pruned(events, int(messages), **kept)

    def delete(self, tell: Tell = _nobody) -> Pruned:
        """Delete them, in one transaction for every few; what a killed process did not reach is still there.

        ``tell`` is told of every few messages before they are deleted; if it raises, they are not.
        """
        before = self.count()
        events = messages = 0
        for events, messages in self.steps(tell):  # noqa: B007  # the last counts
            pass
        return Pruned(events, messages, before.protected, before.undelivered, before.open)

    def steps(self, tell: Tell = _nobody) -> Iterator[tuple[int, int]]:
        """``delete`` for who has other work, too: after each few, how many events and messages are gone by then."""
        events = messages = 0
        reached_ns: int | None = None
        while reached_ns is None or reached_ns < self._before_ns:
            with self._database.writing() as connection:
                end_ns = self._window(connection, reached_ns)
                few = self._oldest(connection, reached_ns, end_ns)
                ids = [event_id for event_id, _ in few]
                if ids:
                    tell(self._messages(connection, ids))
                    deleted = self._delete(connection, ids)
                    self._note(connection, deleted)
                    events, messages = events + len(ids), messages + deleted
            reached_ns = few[-1][1] if len(few) == _BATCH else end_ns
            yield events, messages
        if events:
            with self._database.writing() as connection:
                forget_unused(connection, self._tables)

    def _window(self, connection: "Connection", reached_ns: int | None) -> int:
        """The end of the next ``_WINDOW`` events, in UTC; those of one moment are not divided."""
        from sqlalchemy import select

        started = self._tables.alarms.c.started_ns
        ahead = select(started).where(started < self._before_ns).order_by(started).offset(_WINDOW - 1).limit(1)
        ahead = ahead if reached_ns is None else ahead.where(started >= reached_ns)
        last: int | None = connection.execute(ahead).scalar()
        return self._before_ns if last is None else last + 1

    def _oldest(self, connection: "Connection", reached_ns: int | None, end_ns: int) -> list[tuple[str, int]]:
        """The next few before ``end_ns``: id and start. What stays is passed over once: before ``reached_ns`` nothing
        is left."""
        from sqlalchemy import select

        columns = self._tables.alarms.c
        statement = select(columns.event_id, columns.started_ns).where(*self._meant(), *self._deletable())
        statement = statement.where(columns.started_ns < end_ns).order_by(columns.started_ns).limit(_BATCH)
        statement = statement if reached_ns is None else statement.where(columns.started_ns >= reached_ns)
        return [(row.event_id, row.started_ns) for row in connection.execute(statement)]

    def _messages(self, connection: "Connection", ids: list[str]) -> list[StoredEvent]:
        from sqlalchemy import select

        columns = self._tables.events.c
        statement = select(columns.number, columns.message_id, columns.body, columns.committed_ns)
        rows = connection.execute(statement.where(is_one_of_many(columns.event_id, ids)).order_by(columns.number))
        return [StoredEvent(*row) for row in rows]

    def _delete(self, connection: "Connection", ids: list[str]) -> int:
        """Delete these events; gives the number of their messages."""
        from sqlalchemy import delete, select

        tables = self._tables
        events, alarms = (is_one_of_many(table.c.event_id, ids) for table in (tables.events, tables.alarms))
        of_them = select(tables.events.c.message_id).where(events)
        for table in (tables.decisions, tables.outbox):
            connection.execute(delete(table).where(table.c.message_id.in_(of_them)))
        messages: int = connection.execute(delete(tables.events).where(events)).rowcount
        connection.execute(delete(tables.alarms).where(alarms))
        return messages

    def _note(self, connection: "Connection", messages: int) -> None:
        from sqlalchemy import insert, select, update

        meta = self._tables.meta
        before = connection.execute(select(meta.c.value).where(meta.c.key == PRUNED)).scalar()
        if before is None:
            connection.execute(insert(meta), {"key": PRUNED, "value": str(messages)})
        else:
            change = update(meta).where(meta.c.key == PRUNED)
            connection.execute(change.values(value=str(int(before) + messages)))

    def _meant(self) -> "list[ColumnElement[bool]]":
        return conditions(self._tables, self._wanted)

    def _deletable(self) -> "list[ColumnElement[bool]]":
        from sqlalchemy import func, select

        alarms, events = self._tables.alarms, self._tables.events
        newest = select(func.max(events.c.number)).scalar_subquery()
        last: Any = select(events.c.event_id).where(events.c.number == newest).scalar_subquery()
        return [
            alarms.c.ended_ns < self._before_ns,
            alarms.c.started_ns < self._before_ns,  # along the index
            alarms.c.protected.is_(False),
            alarms.c.event_id != last,
            ~self._undelivered(),
        ]

    def _undelivered(self) -> "ColumnElement[bool]":
        """A message of the event is on its way to a sink, or a digest has yet to tell of it."""
        from sqlalchemy import exists, or_

        alarms, events, outbox = self._tables.alarms, self._tables.events, self._tables.outbox
        decisions = self._tables.decisions
        mine = events.c.event_id == alarms.c.event_id
        states = ("pending",) if self._with_dead else ("pending", "dead")
        waits = exists().where(mine, outbox.c.message_id == events.c.message_id, outbox.c.state.in_(states))
        untold = exists().where(mine, decisions.c.message_id == events.c.message_id, decisions.c.digest.is_(None))
        return or_(waits, untold)
